import assert from "node:assert/strict";
import { AREAS } from "../../../runtime/doctor/rule.ts";
import { RULES } from "../../../runtime/doctor/rules/all.ts";
import { examined } from "../facts.ts";

Deno.test("RULES are the tables of deploy/DOCTOR.md, word for word", async () => {
  const page = await Deno.readTextFile(new URL("../../../deploy/DOCTOR.md", import.meta.url));
  const tables = page.split(/^## /m).slice(1).map((section) => ({
    area: section.split("\n", 1)[0].toLowerCase(),
    rows: [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row]) => row.split(" | ").map((cell) => cell.trim())),
  }));
  const expected = AREAS.map((area) => ({
    area,
    rows: RULES.filter((rule) => rule.area === area).map(({ id, holds, why, fix }) => [`\`${id}\``, holds, why, fix]),
  }));
  assert.deepEqual(tables, expected);
});

Deno.test("RULES have different ids", () => {
  const ids = RULES.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("RULES find nothing in a project and a cluster without problems", () => {
  assert.deepEqual(examined({}).findings, []);
});
