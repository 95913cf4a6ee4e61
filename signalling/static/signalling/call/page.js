// What every part of the page needs of the document and of the browser.

const ANNOUNCEMENT_MS = 8_000;

/**
 * The element with this id, which is of that kind.
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`#${id} is no ${kind.name}`);
  return found;
}

/** @param {string} id */
export const button = (id) => element(id, HTMLButtonElement);

/** @param {string} id @param {() => void} action */
export function onClick(id, action) {
  button(id).addEventListener("click", action);
}

/** @param {string} id @param {() => void} action */
export function onSubmit(id, action) {
  element(id, HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

/** Puts a text there, as a text: names come from strangers. @param {HTMLElement} place @param {string} text */
export function say(place, text) {
  place.replaceChildren(...(text ? [text] : []));
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence;

/** Tells for a while what has happened, aloud to those who cannot see it. @param {string} text */
export function announce(text) {
  const place = element("events", HTMLElement);
  say(place, text);
  clearTimeout(silence);
  silence = setTimeout(() => say(place, ""), ANNOUNCEMENT_MS);
}

/** Puts a text on the clipboard, or where it can be taken from. @param {string} text @param {string} what */
export async function copyText(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    announce(`${what} was copied.`);
  } catch {
    prompt(`${what}, to be copied`, text);
  }
}

/** What was remembered under this key in an earlier visit; nothing where the browser keeps nothing. @param {string} key */
export function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows may refuse it; it would only have been a convenience.
  }
}
