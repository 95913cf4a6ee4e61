// docs/browser-client.md keeps its promises: the length of its example, the names that it imports, the members it lists.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as client from "../../signalling/static/signalling/roundtable.js";
import { GRACE, setUpPhone } from "./fakes.js";

const page = readFileSync(new URL("../../docs/browser-client.md", import.meta.url), "utf8");
const [, example] = page.match(/^```html page\n(.*?)^```/ms);

/** The names in the first column of a section's table of members. */
function members(section) {
  const [, body] = page.match(new RegExp(`^## ${section}\n(.*?)(?=^## )`, "ms"));
  const [, table] = body.match(/^\| member \| \|\n\|.*\n((?:\|.*\n)+)/m);
  return table.split("\n").flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)/g)].map(([, name]) => name));
}

test("the example is a call in 30 lines", () => {
  assert.ok(example.trimEnd().split("\n").length <= 30);
});

test("the example imports what there is", () => {
  const [, names] = example.match(/import \{ (.*) \} from/);
  for (const name of names.split(", ")) assert.equal(typeof client[name], "function", name);
});

test("every member that is documented is there", async () => {
  const { signalling, phone } = await setUpPhone();
  const call = phone.dial(GRACE);
  const table = new client.Table(phone, "camelot");
  for (const [section, target] of Object.entries({ Signalling: signalling, Phone: phone, Call: call, Table: table })) {
    const names = members(section);
    assert.ok(names.length > 2, section);
    for (const name of names) assert.ok(name in target, `${section}.${name}`);
  }
});
