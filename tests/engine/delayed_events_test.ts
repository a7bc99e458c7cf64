import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { invoke, TestClock } from "weir/testing";
import { z } from "zod";
import type { EmitOptions } from "../../runtime/api/context.ts";
import { Billed, setup, Shipped } from "../support/invocation.ts";

const NOW = "2026-01-02T00:00:00.000Z";

const delays: [what: string, options: EmitOptions, expected: { at?: string; key?: string } | RegExp][] = [
  ["no options", {}, {}],
  ["a delay", { delay: "24h" }, { at: "2026-01-03T00:00:00.000Z" }],
  ["milliseconds", { delay: 1_500 }, { at: "2026-01-02T00:00:01.500Z" }],
  ["a time", { at: new Date("2027-05-06T07:08:09.010Z") }, { at: "2027-05-06T07:08:09.010Z" }],
  ["a key", { delay: "1s", key: "order 1" }, { at: "2026-01-02T00:00:01.000Z", key: "order 1" }],
  ["no delay at all", { delay: 0, key: "k" }, {}],
  ["a time in the past", { at: new Date("2020-01-01"), key: "k" }, {}],
  ["the present time", { at: new Date(NOW) }, {}],
  ["both", { delay: "1s", at: new Date(NOW) }, /^ship emits orders\.shipped with `delay` and `at`: give one of them$/],
  [
    "a malformed delay",
    { delay: "1 day" as never },
    /with the delay "1 day": it must be milliseconds, or text such as/,
  ],
  ["a negative delay", { delay: -1 }, /with the delay -1: it must be/],
  ["an endless delay", { delay: "36501d" }, /100 years at most$/],
  ["an invalid date", { at: new Date(NaN) }, /at .*: `at` must be a valid Date before the year 10000$/],
  ["a text as the time", { at: NOW as never }, /`at` must be a valid Date/],
  [
    "a key at once",
    { key: "k" },
    /with a key, but at once: a key cancels a delayed event; give it `delay` or `at` too$/,
  ],
  ["an empty key", { delay: "1s", key: "" }, /with the key "": a key is a non-empty text$/],
  ["a number as the key", { delay: "1s", key: 7 as never }, /with the key 7: a key is a non-empty text$/],
];

for (const [what, options, expected] of delays) {
  Deno.test(`AttemptContext.emit with ${what} ${expected instanceof RegExp ? "is refused" : "has its time"}`, () => {
    const context = setup().newContext();
    const emit = () => context.emit(Shipped, { orderId: "o1" }, options);
    if (expected instanceof RegExp) return assert.throws(emit, { name: "TypeError", message: expected });
    emit();
    const [{ delayed, time }] = context.emitted, { at = undefined, key = undefined } = expected;
    assert.equal(delayed && new Date(delayed.atMs).toISOString(), at);
    assert.equal(delayed?.key, key);
    assert.equal(time, at ?? NOW);
  });
}

Deno.test("AttemptContext.cancel takes back what the handler emitted with the key, and leaves the ids of the others", () => {
  const { newContext } = setup(), context = newContext(), plain = newContext();
  context.emit(Shipped, { orderId: "o1" }, { delay: "1h", key: "k" });
  context.cancel("k");
  context.emit(Billed, { total: 1 }, { delay: "1h", key: "k" });
  plain.emit(Shipped, { orderId: "o1" });
  plain.emit(Billed, { total: 1 });
  assert.deepEqual(context.emitted.map(({ id }) => id), [plain.emitted[1].id]);
  assert.deepEqual([...context.cancelled], ["k"]);
  for (const key of ["", 7, undefined]) assert.throws(() => context.cancel(key as string), { name: "TypeError" });
  context.end(false);
  assert.throws(() => context.cancel("k"), { message: "ship cancels a key after it returned: await whatever cancels" });
});

const Ordered = defineEvent({ type: "demo.ordered", version: 1, data: z.object({ paid: z.boolean() }) });
const Reminded = defineEvent({ type: "demo.reminded", version: 1, data: z.object({}) });

Deno.test("invoke reports delayed events with their time, by the test's clock, and cancelled keys", async () => {
  const remind = defineFunction({ on: Ordered, emits: [Reminded] }, ({ id, data }, ctx) => {
    if (data.paid) ctx.cancel(id);
    else ctx.emit(Reminded, {}, { delay: "24h", key: id });
  });
  const clock = new TestClock("2026-03-28T12:00:00Z");
  const { emitted: [reminder], cancelled } = await invoke(remind, { paid: false }, { clock, id: "o1" });
  assert.deepEqual([reminder.at, reminder.key, cancelled], [new Date("2026-03-29T12:00:00Z"), "o1", []]);
  const paid = await invoke(remind, { paid: true }, { clock, id: "o1" });
  assert.deepEqual([paid.emitted, paid.cancelled], [[], ["o1"]]);
  const failed = defineFunction({ on: Ordered }, (_, ctx) => {
    ctx.cancel("o1");
    throw new Error("no");
  });
  assert.deepEqual((await invoke(failed, { paid: true }, { clock })).cancelled, []);
});
