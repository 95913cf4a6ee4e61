// The operator's pages: they renew themselves, boxes can be ticked all at once, ids can be copied. Everything else on
// them works without this.

import { merge } from "./status/merge.js";
import { Renewal } from "./status/renewal.js";

const COPIED_MS = 1_500;
const WRITES = "input:not([type=checkbox], [type=submit], [type=hidden]), textarea, select";

/** @param {string} id */
const byId = (id) => document.getElementById(id);

/** @returns {HTMLInputElement[]} */
const boxes = () => [...document.querySelectorAll("input.action-select")].filter((box) => box instanceof HTMLInputElement);

function countSelected() {
  const all = boxes();
  const ticked = all.filter((box) => box.checked).length;
  const counter = byId("selected");
  const words = `${ticked} of ${all.length} selected`;
  if (counter && counter.textContent !== words) counter.textContent = words;
  const together = byId("select-all");
  if (!(together instanceof HTMLInputElement)) return;
  together.checked = ticked > 0 && ticked === all.length;
  together.indeterminate = ticked > 0 && ticked < all.length;
}

/** @param {Event} event */
function tick(event) {
  if (!(event.target instanceof HTMLInputElement)) return;
  if (event.target.id === "select-all") for (const box of boxes()) box.checked = event.target.checked;
  countSelected();
}

/** @param {Event} event */
async function copy(event) {
  const button = event.target instanceof Element ? event.target.closest("button.copy") : null;
  if (!(button instanceof HTMLButtonElement)) return;
  const text = button.dataset.copy ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not over http, and not when it is forbidden: then at least all of it can be seen and copied by hand.
    window.prompt("Copy:", text);
    return;
  }
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), COPIED_MS);
}

/** @param {Element} live @param {string} html */
function show(live, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(live.id);
  if (!fresh) return;
  const focused = document.activeElement;
  merge(live, fresh);
  // Who was moved has lost it.
  if (focused instanceof HTMLElement && focused !== document.activeElement && live.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
  countSelected();
}

/** @param {string} words @param {boolean} isTrouble */
function tell(words, isTrouble) {
  const place = byId("renewal");
  if (!place || place.textContent === words) return;
  place.textContent = words;
  place.classList.toggle("trouble", isTrouble);
}

/** @param {HTMLElement} live */
function keepRenewed(live) {
  const renewal = new Renewal({
    fetch: (url, options) => fetch(url, options),
    setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
    url: location.href,
    everyMs: Number(live.dataset.renewedEverySeconds) * 1_000,
    isResting: () => document.hidden || Boolean(document.activeElement?.matches(WRITES)),
    show: (html) => show(live, html),
    whenSilent: () => live.querySelector("[data-when-silent]")?.getAttribute("data-when-silent") ?? "",
    tell,
  });
  const button = byId("pause");
  if (!(button instanceof HTMLButtonElement)) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    renewal.isPaused = !renewal.isPaused;
    button.textContent = renewal.isPaused ? "Go on" : "Pause";
  });
}

document.documentElement.classList.add("has-script");
document.addEventListener("change", tick);
document.addEventListener("click", copy);
const live = byId("live");
if (live) keepRenewed(live);
countSelected();
