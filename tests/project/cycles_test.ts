import assert from "node:assert/strict";
import fc from "fast-check";
import { buildRegistry } from "../../runtime/project/registry.ts";
import { event, fn, schemas } from "../support/modules.ts";

const [A, B, C] = [event("shop.a"), event("shop.b"), event("shop.c")];
const ENDS = "A chain of more than 50 events ends as dead letter `looped`";

function warnings(...functions: ReturnType<typeof fn>[]): readonly string[] {
  return buildRegistry([schemas("shop", A, B, C)], functions).warnings;
}

const cases: [what: string, functions: ReturnType<typeof fn>[], expected: string[]][] = [
  ["a chain without a cycle", [fn("one", { on: A, emits: [B] }), fn("two", { on: B, emits: [C] })], []],
  ["a function that emits its own trigger", [fn("one", { on: A, emits: [A] })], [
    `functions/one.ts: it emits what leads back to it: one → shop.a → one. ${ENDS}`,
  ]],
  ["two functions, one by a pattern", [fn("one", { on: A, emits: [B] }), fn("two", { on: "shop.*", emits: [A] })], [
    `functions/one.ts: it emits what leads back to it: one → shop.b → two → shop.a → one. ${ENDS}`,
  ]],
  ["a cycle beside a chain, and another limit", [
    fn("start", { on: A, emits: [B] }),
    fn("one", { on: B, emits: [A, C], maxHops: 9 }),
    fn("two", { on: C, emits: [B] }),
  ], [
    `functions/start.ts: it emits what leads back to it: start → shop.b → one → shop.a → start. ${ENDS}`,
    `functions/two.ts: it emits what leads back to it: two → shop.b → one → shop.c → two. ${ENDS}`,
  ]],
];
for (const [what, functions, expected] of cases) {
  Deno.test(`cycleWarnings of ${what}`, () => {
    const found = warnings(...functions).filter((line) => line.includes("leads back"));
    assert.deepEqual(found, expected);
  });
}

Deno.test("cycleWarnings tell of every function that can reach itself, and of no other", () => {
  const types = Array.from({ length: 6 }, (_, i) => event(`shop.t${i}`));
  const edges = fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 12 });
  fc.assert(
    fc.property(edges, (edges) => {
      const next = (i: number) => edges.filter(([from]) => from === i).map(([, to]) => to);
      const functions = types.map((on, i) => fn(`f${i}`, { on, emits: [...new Set(next(i))].map((to) => types[to]) }));
      const text = buildRegistry([schemas("shop", ...types)], functions).warnings.join("\n");
      for (const i of types.keys()) {
        const reached = new Set<number>(next(i));
        for (const one of reached) for (const to of next(one)) reached.add(to);
        assert.equal(new RegExp(`\\bf${i}\\b`).test(text), reached.has(i), `f${i}: ${text}`);
      }
    }),
    { numRuns: 200 },
  );
});
