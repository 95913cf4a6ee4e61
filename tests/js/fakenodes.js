// As much of a document's nodes as merge.js needs, and a short way to write them.

class FakeNode {
  parent = null;

  get nextSibling() {
    const siblings = this.parent?.childNodes ?? [];
    return siblings[siblings.indexOf(this) + 1] ?? null;
  }

  remove() {
    const siblings = this.parent?.childNodes;
    siblings?.splice(siblings.indexOf(this), 1);
    this.parent = null;
  }
}

export class FakeText extends FakeNode {
  nodeType = 3;
  nodeName = "#text";

  constructor(text) {
    super();
    this.nodeValue = text;
  }

  get words() {
    return this.nodeValue;
  }

  isEqualNode(other) {
    return other.nodeType === 3 && other.nodeValue === this.nodeValue;
  }
}

export class FakeElement extends FakeNode {
  nodeType = 1;
  childNodes = [];
  moves = 0;

  constructor(tag, attributes, children) {
    super();
    this.nodeName = this.tagName = tag.toUpperCase();
    this.attributes = new Map(Object.entries(attributes));
    for (const child of children) this.insertBefore(typeof child === "string" ? new FakeText(child) : child, null);
  }

  get id() {
    return this.attributes.get("id") ?? "";
  }

  get firstChild() {
    return this.childNodes[0] ?? null;
  }

  get words() {
    return this.childNodes.map((child) => child.words).join("");
  }

  insertBefore(node, next) {
    if (node.parent === this) node.moves += 1;
    node.remove();
    const place = next ? this.childNodes.indexOf(next) : this.childNodes.length;
    if (place < 0) throw new Error("the node before which it belongs is not here");
    this.childNodes.splice(place, 0, node);
    node.parent = this;
  }

  getAttributeNames = () => [...this.attributes.keys()];
  hasAttribute = (name) => this.attributes.has(name);
  getAttribute = (name) => this.attributes.get(name) ?? null;
  setAttribute = (name, value) => void this.attributes.set(name, value);
  removeAttribute = (name) => void this.attributes.delete(name);

  isEqualNode(other) {
    return (
      other.nodeName === this.nodeName &&
      other.attributes.size === this.attributes.size &&
      [...this.attributes].every(([name, value]) => other.attributes.get(name) === value) &&
      other.childNodes.length === this.childNodes.length &&
      this.childNodes.every((child, index) => child.isEqualNode(other.childNodes[index]))
    );
  }
}

/** An element: `el("td", { id: "a" }, "text", el("b", {}))`. */
export const el = (tag, attributes = {}, ...children) => new FakeElement(tag, attributes, children);
