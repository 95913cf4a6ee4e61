// What the page /call/ says when something fails or ends.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { duration, ending, explain, interruption } from "../../signalling/static/signalling/call/words.js";

/** Only a client with a mistake in it is told these. */
const MISTAKES = new Set("bad_json unknown_type hello_expected already_welcome call_unknown call_exists call_state".split(" "));
const HTTP_ONLY = new Set(["rejected", "loop"]);

const source = readFileSync(new URL("../../signalling/codes.py", import.meta.url), "utf8");
const codes = source.split("class CloseCode")[0].matchAll(/= "(\w+)"/g);

/** @param {string} code @param {object} [more] */
const error = (code, more) => Object.assign(new Error("in the server's words"), { code, ...more });

for (const [, code] of codes) {
  if (MISTAKES.has(code) || HTTP_ONLY.has(code)) continue;
  test(`there is a sentence for ${code}`, () => {
    assert.doesNotMatch(explain(error(code), { table: "camelot" }), /in the server's words|undefined/);
  });
}

test("what is not known is said in the server's words", () => {
  assert.equal(explain(error("unheard_of")), "That failed: in the server's words.");
});

test("it is told apart who forbids: a table's host, or the operator", () => {
  const host = explain(error("forbidden", { about: "join" }), { table: "camelot" });
  assert.equal(host, "The host has removed you from “camelot”.");
  const operator = explain(error("forbidden", { about: "hello", retryAfter: 600 }), { table: "camelot" });
  assert.equal(operator, "The operator of the server has ended your connection. Try again in 10 minutes.");
});

test("one is told when to try again", () => {
  assert.equal(explain(error("rate_limited", { retryAfter: 11.2 })), "That was too often. Try again in 12 seconds.");
  assert.equal(duration(1), "1 second");
  assert.equal(duration(600), "10 minutes");
});

test("the reason that another party gives is not looked up where it does not belong", () => {
  for (const reason of ["constructor", "__proto__", "toString", "superseded", "table_full", "left"]) {
    assert.equal(ending({ reason, error: null }, { who: "Mallory" }), "Mallory hung up.");
  }
});

test("a call that never worked ended otherwise than one that did", () => {
  const end = { reason: "failed", error: new Error("no path") };
  assert.match(ending(end, { who: "Ada" }), /^No path to Ada was found/);
  assert.equal(ending(end, { who: "Ada", wasConnected: true }), "The connection with Ada was lost.");
});

test("an interruption says that the talk goes on, if there is one", () => {
  const talking = "The server does not answer. Those who are connected still hear each other. Trying again in 3 seconds.";
  assert.equal(interruption({ retryIn: 2.1, closeCode: 1006 }, true), talking);
  assert.equal(interruption({ retryIn: 0.4 }, false), "The server does not answer. Trying again now.");
  assert.match(interruption({ retryIn: 4, closeCode: 4000 }, false), /^The server is being restarted. Trying again in 4/);
});
