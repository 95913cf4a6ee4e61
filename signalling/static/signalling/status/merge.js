// Makes what is shown equal to what has come, and keeps what the reader has done with it: checked boxes, typed text,
// opened details, focus. It knows nodes and nothing of the page.

const ELEMENT = 1;

/** What the reader decides, once a node is there. */
const READERS = new Map([
  ["INPUT", new Set(["value", "checked"])],
  ["DETAILS", new Set(["open"])],
]);

/**
 * Changes `shown` and everything in it to what `fresh` is; nodes that stay are the same nodes. Children with an id are
 * known again by it wherever they are, others by their order.
 * @param {Element} shown
 * @param {Element} fresh
 */
export function merge(shown, fresh) {
  if (shown.isEqualNode(fresh)) return;
  mergeAttributes(shown, fresh);
  mergeChildren(shown, fresh);
}

/** @param {Element} shown @param {Element} fresh */
function mergeAttributes(shown, fresh) {
  const kept = READERS.get(shown.tagName);
  for (const name of shown.getAttributeNames()) {
    if (!fresh.hasAttribute(name) && !kept?.has(name)) shown.removeAttribute(name);
  }
  for (const name of fresh.getAttributeNames()) {
    const value = fresh.getAttribute(name) ?? "";
    if (shown.getAttribute(name) !== value && !kept?.has(name)) shown.setAttribute(name, value);
  }
}

/** @param {Element} shown @param {Element} fresh */
function mergeChildren(shown, fresh) {
  const known = new Map([...shown.childNodes].filter(idOf).map((node) => [idOf(node), node]));
  const wanted = new Set([...fresh.childNodes].map(idOf).filter(Boolean));
  /** @param {Node} node */
  const isWanted = (node) => wanted.has(idOf(node));
  let next = shown.firstChild;
  for (const node of [...fresh.childNodes]) {
    const same = idOf(node) ? known.get(idOf(node)) : next && isWanted(next) ? null : next;
    if (!same || !isAlike(same, node)) {
      shown.insertBefore(node, next);
      continue;
    }
    next = cleared(next, same, isWanted);
    if (same === next) next = same.nextSibling;
    else shown.insertBefore(same, next);
    mergeNode(same, node);
  }
  while (next) next = removed(next);
}

/**
 * Removes what is in the way to `same`, if nothing of that is wanted: a node that is not moved keeps its focus.
 * @param {ChildNode | null} next
 * @param {ChildNode} same
 * @param {(node: Node) => boolean} isWanted
 * @returns {ChildNode | null} where the next node belongs
 */
function cleared(next, same, isWanted) {
  let ahead = next;
  while (ahead && ahead !== same && !isWanted(ahead)) ahead = ahead.nextSibling;
  if (ahead === same) while (next && next !== same) next = removed(next);
  return next;
}

/** @param {Node} shown @param {Node} fresh */
function mergeNode(shown, fresh) {
  if (shown.nodeType === ELEMENT) merge(/** @type {Element} */ (shown), /** @type {Element} */ (fresh));
  else if (shown.nodeValue !== fresh.nodeValue) shown.nodeValue = fresh.nodeValue;
}

/** @param {Node} node @returns {string} */
const idOf = (node) => (node.nodeType === ELEMENT ? /** @type {Element} */ (node).id : "");

/** @param {Node} one @param {Node} other */
const isAlike = (one, other) => one.nodeName === other.nodeName && idOf(one) === idOf(other);

/** @param {ChildNode} node @returns {ChildNode | null} the one after it */
function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}
