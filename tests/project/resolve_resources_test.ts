import assert from "node:assert/strict";
import { defineHealthCheck, defineResource } from "weir";
import { buildRegistry } from "../../runtime/project/registry.ts";
import { event, fn, problemsOf, schemas } from "../support/modules.ts";

const Created = event("orders.created"), open = () => 1;
const db = defineResource({ name: "db", open });

Deno.test("resolveResources counts a definition once, wherever it is exported again", () => {
  const { resources } = buildRegistry([schemas("orders", Created)], [
    fn("a", { on: Created }, { db, again: db }),
    fn("b", { on: Created, needs: [db] }),
  ], [{ file: "functions/_db.ts", exports: { db }, functions: ["functions/a.ts"] }]);
  assert.deepEqual(resources, [
    { name: "db", file: "functions/_db.ts", timeoutMs: 10_000, definition: db, functions: ["a", "b"] },
  ]);
});

for (
  const [what, given, expected] of [
    ["two definitions of one name", { db, other: defineResource({ name: "db", open }) }, [
      'functions/ship.ts: resource "db": functions/ship.ts declares another of that name: a resource has one definition',
    ]],
    ["a misspelt option", { db: { ...db, chekc: open } }, [
      'functions/ship.ts: resource "db": unknown option chekc: did you mean "check"?',
    ]],
    ["options of a wrong type", { db: { ...db, open: undefined, close: "no", timeout: 0 } }, [
      'functions/ship.ts: resource "db": option open: undefined is not a function such as `(signal) => …`',
      'functions/ship.ts: resource "db": option close: "no" is not a function such as `(value) => …`',
      'functions/ship.ts: resource "db": option timeout: 0 is not a duration above zero: milliseconds, or text such as ' +
      '"250ms", "10s", "5m", "2h", "7d"',
    ]],
    ["no name", { db: defineResource({ name: "", open }) }, [
      'functions/ship.ts: resource "": option name: it is not a text such as "db"',
    ]],
    ["the name of a check of Weir's own", { db: defineResource({ name: "nats", open }) }, [
      'functions/ship.ts: resource "nats": that name is reserved for a check of Weir\'s own',
    ]],
    ["the name of a health check", { db, check: defineHealthCheck({ name: "db" }, open) }, [
      "functions/ship.ts: resource db: a health check has that name: rename one of them",
    ]],
  ] as const
) {
  Deno.test(`resolveResources refuses ${what}`, () => {
    assert.deepEqual(problemsOf([schemas("orders", Created)], [fn("ship", { on: Created }, given)]), expected);
  });
}

for (
  const [what, needs, problem] of [
    ["no list", db, "`needs` is not a list of resources: put it in brackets, as in `needs: [db]`"],
    ["a name", ["db"], 'needs "db", which is not a resource: make it with defineResource'],
    [
      "undefined",
      [undefined],
      "needs undefined, which is not a resource: make it with defineResource (what is undefined here may be a " +
      "circular import: schemas/ must not import functions/)",
    ],
  ] as const
) {
  Deno.test(`resolveFunction refuses needs with ${what}`, () => {
    const problems = problemsOf([schemas("orders", Created)], [fn("ship", { on: Created, needs })]);
    assert.deepEqual(problems, [`functions/ship.ts: ${problem}`]);
  });
}
