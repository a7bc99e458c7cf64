import assert from "node:assert/strict";
import { orderStreamsProblem } from "../../runtime/project/order_policy.ts";
import { eventsAtOnce } from "../../runtime/project/batch_policy.ts";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";

const by = () => "key";

/** Resolves options of a function. */
function resolve(options: object) {
  return resolvePolicy({ on: "orders.>", ...options } as Parameters<typeof resolvePolicy>[0]);
}

Deno.test("resolvePolicy of `order` blocks the key of an event that fails, by default", () => {
  const resolved = resolve({ order: { by } });
  assert.ok(resolved.ok);
  assert.deepEqual(resolved.policy.order, { by, onFailure: "block" });
  assert.equal(eventsAtOnce(resolved.policy), 288);
});

Deno.test("resolvePolicy of `order` with partitions holds as many events as each of them may", () => {
  const resolved = resolve({ order: { by, partitions: 4 } });
  assert.ok(resolved.ok);
  assert.deepEqual(resolved.policy.order, { by, onFailure: "block", partitions: 4 });
  assert.equal(eventsAtOnce(resolved.policy), 4 * 288);
});

const REFUSED: readonly (readonly [options: object, problem: RegExp])[] = [
  [{ order: {} }, /^option order\.by: undefined is not a function, such as `\(event\) => event\.data\.customerId`$/],
  [
    { order: { by: async () => await Promise.resolve("key") } },
    /^option order\.by: it is async, and must return text at once/,
  ],
  [
    { order: { by, onFailure: "skip" } },
    /^option order\.onFailure: "skip" is none of "block", "dead-letter" and "park"$/,
  ],
  [
    { order: { by, partitions: 1 } },
    /^option order\.partitions: 1 is not between 2 and 64: .* leave it out for one process$/,
  ],
  [{ order: { by, partitions: 65 } }, /^option order\.partitions: 65 is not between 2 and 64/],
  [{ order: { by, partitions: "4" } }, /^option order\.partitions: "4" is not a whole number/],
  [{ order: { by }, debounce: { quiet: "1s" } }, /^option order: .* leave out `debounce`, or `order`$/],
];
for (const [options, problem] of REFUSED) {
  Deno.test(`resolvePolicy refuses ${Object.keys(options).join(" with ")}: ${problem.source.slice(0, 50)}`, () => {
    const resolved = resolve(options);
    assert.ok(!resolved.ok);
    assert.equal(resolved.problems.length, 1);
    assert.match(resolved.problems[0], problem);
  });
}

for (
  const options of [
    { rate: { limit: 1, per: "1s" } },
    { idempotency: true },
    { where: () => true },
    { maxAge: "1h" },
    { batch: { size: 10 } },
  ]
) {
  Deno.test(`resolvePolicy takes \`order\` with ${Object.keys(options)}`, () => {
    assert.ok(resolve({ order: { by }, ...options }).ok);
  });
}

Deno.test("orderStreamsProblem names the streams of triggers between which there is no order", () => {
  assert.equal(orderStreamsProblem(["ORDERS", "ORDERS"]), undefined);
  assert.match(orderStreamsProblem(["ORDERS", "STOCK"])!, /in 2 streams \(ORDERS, STOCK\).*let one function listen/);
});
