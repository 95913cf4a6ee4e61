// The operator's pages renew themselves: what stays of what the reader did, and what is said when it does not work.

import assert from "node:assert/strict";
import { test } from "node:test";

import { merge } from "../../signalling/static/signalling/status/merge.js";
import { Renewal } from "../../signalling/static/signalling/status/renewal.js";
import { FakeClock, settled } from "./fakes.js";
import { el } from "./fakenodes.js";

const EVERY_MS = 2_000;
const row = (id, text = id) => el("tr", { id }, el("td", {}, el("input", { type: "checkbox", value: id })), el("td", {}, text));
const table = (...rows) => el("tbody", {}, "\n", ...rows.flatMap((each) => [each, "\n"]));
const idsIn = (body) => body.childNodes.map((node) => node.id).filter(Boolean);

/** Merges a table of `after` into one of `before`; the rows that were there, by id. */
function merged(before, after) {
  const shown = table(...before.map((id) => row(id)));
  const rows = new Map(shown.childNodes.filter((node) => node.id).map((node) => [node.id, node]));
  const fresh = table(...after.map((id) => row(id, `${id} again`)));
  const wanted = fresh.words;
  merge(shown, fresh);
  assert.equal(shown.words, wanted);
  return { shown, rows };
}

for (const [before, after] of [
  [["a", "b", "c"], ["a", "b", "c"]],
  [["a", "b", "c"], ["b", "c"]],
  [["a", "b", "c"], ["a", "c"]],
  [["a", "b", "c"], []],
  [[], ["a", "b"]],
  [["b"], ["a", "b", "c"]],
  [["a", "b", "c"], ["c", "a", "b"]],
  [["a", "b", "c", "d"], ["d", "c", "b", "a"]],
  [["a", "b"], ["c", "d"]],
  [["a", "b", "c"], ["x", "c", "y", "a"]],
]) {
  test(`rows ${before} become ${after}, and those that stay are the same rows`, () => {
    const { shown, rows } = merged(before, after);
    assert.deepEqual(idsIn(shown), after);
    for (const node of shown.childNodes.filter(({ id }) => rows.has(id))) assert.equal(node, rows.get(node.id));
  });
}

test("rows that stay in their order are not moved, for a node that is moved loses its focus", () => {
  const { rows } = merged(["a", "b", "c", "d", "e"], ["b", "new", "d", "e", "newer"]);
  assert.deepEqual(["b", "d", "e"].map((id) => rows.get(id).moves), [0, 0, 0]);
});

test("one row that is sorted upwards is the only one that is moved", () => {
  const { rows } = merged(["a", "b", "c"], ["c", "a", "b"]);
  assert.deepEqual(["a", "b", "c"].map((id) => rows.get(id).moves), [0, 0, 1]);
});

test("what the reader ticked, wrote and opened stays", () => {
  const box = el("input", { type: "checkbox", value: "ada" });
  box.checked = true;
  const details = el("details", { open: "", class: "old" }, "more");
  const shown = el("div", {}, box, details);
  merge(shown, el("div", {}, el("input", { type: "checkbox", value: "bob", checked: "" }), el("details", { class: "new" }, "most")));
  assert.equal(shown.firstChild, box);
  assert.equal(box.checked, true);
  assert.deepEqual([box.getAttribute("value"), box.hasAttribute("checked")], ["ada", false]);
  assert.deepEqual([details.hasAttribute("open"), details.getAttribute("class"), details.words], [true, "new", "most"]);
});

test("attributes and texts are those that have come", () => {
  const shown = el("p", { class: "a", title: "old" }, "one", el("progress", { value: "1", max: "5" }));
  const { firstChild } = shown;
  merge(shown, el("p", { class: "b", lang: "en" }, "two", el("progress", { value: "3", max: "5" })));
  assert.deepEqual(Object.fromEntries(shown.attributes), { class: "b", lang: "en" });
  assert.equal(shown.firstChild, firstChild);
  assert.equal(shown.words, "two");
  assert.equal(shown.childNodes[1].getAttribute("value"), "3");
});

test("an element of another kind takes the place of what was there", () => {
  const shown = el("div", {}, el("p", {}, "nobody is here"), "end");
  merge(shown, el("div", {}, el("table", {}, "somebody"), "end"));
  assert.deepEqual(shown.childNodes.map((node) => node.nodeName), ["TABLE", "#text"]);
});

/** A page that renews itself, and its server. */
function page() {
  const clock = new FakeClock();
  const seen = { shown: [], told: [], asked: 0, isResting: false, whenSilent: "", answer: () => answer(200, "fresh") };
  const renewal = new Renewal({
    fetch: async (_url, options) => {
      assert.equal(options.redirect, "manual");
      seen.asked += 1;
      return seen.answer();
    },
    setTimeout: clock.setTimeout,
    url: "/status/",
    everyMs: EVERY_MS,
    isResting: () => seen.isResting,
    show: (html) => seen.shown.push(html),
    whenSilent: () => seen.whenSilent,
    tell: (words, isTrouble) => seen.told.push([words, isTrouble]),
  });
  const pass = async (times = 1) => {
    await clock.pass(EVERY_MS * times);
    await settled();
  };
  return { clock, renewal, seen, pass };
}

const answer = (status, text = "", type = "basic") => ({ status, type, ok: status < 300, text: async () => text });

test("it asks again after each answer", async () => {
  const { pass, seen } = page();
  for (let round = 0; round < 3; round += 1) await pass();
  assert.deepEqual([seen.asked, seen.shown, seen.told], [3, ["fresh", "fresh", "fresh"], []]);
});

test("nothing is asked while nobody looks or somebody writes, nor while it is paused", async () => {
  const { pass, renewal, seen } = page();
  seen.isResting = true;
  await pass(3);
  assert.equal(seen.asked, 0);
  seen.isResting = false;
  renewal.isPaused = true;
  await pass(3);
  assert.equal(seen.asked, 0);
  renewal.isPaused = false;
  await pass();
  assert.equal(seen.asked, 1);
});

test("whoever is logged out is told so, and nothing is asked any more", async () => {
  const { clock, pass, seen } = page();
  seen.answer = () => answer(0, "", "opaqueredirect");
  await pass(5);
  assert.equal(seen.asked, 1);
  assert.match(seen.told[0][0], /logged out/);
  assert.equal(clock.pending, 0);
});

test("whoever may not see it any more is told so", async () => {
  const { pass, seen } = page();
  seen.answer = () => answer(403, "forbidden");
  await pass(5);
  assert.deepEqual([seen.asked, seen.shown], [1, []]);
});

test("a server that was about to go is no trouble when it has gone", async () => {
  const { pass, seen } = page();
  seen.whenSilent = "It has gone.";
  seen.answer = () => Promise.reject(new TypeError("no network"));
  await pass(1);
  assert.deepEqual(seen.told, [["It has gone.", false]]);
});

test("a server that is gone is asked again, less and less often, until it is back", async () => {
  const { pass, seen } = page();
  seen.answer = () => Promise.reject(new TypeError("no network"));
  await pass(1);
  assert.match(seen.told[0][0], /does not answer/);
  await pass(20);
  assert.ok(seen.asked >= 3 && seen.asked <= 6, String(seen.asked));
  seen.answer = () => answer(200, "back");
  await pass(8);
  assert.equal(seen.shown[0], "back");
  assert.deepEqual(seen.told.at(-1), ["", false]);
});

test("an error of the server is told, and the page stays as it was", async () => {
  const { pass, seen } = page();
  seen.answer = () => answer(503, "draining");
  await pass();
  assert.match(seen.told[0][0], /503/);
  assert.deepEqual(seen.shown, []);
});

test("a page about somebody who has gone is shown", async () => {
  const { pass, seen } = page();
  seen.answer = () => answer(404, "gone");
  await pass();
  assert.deepEqual(seen.shown, ["gone"]);
});
