import assert from "node:assert/strict";
import { AssertionError } from "node:assert";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import {
  assertAcked,
  assertDeadLettered,
  assertEmitted,
  assertNothingEmitted,
  assertRetried,
  invoke,
  TestClock,
} from "weir/testing";
import { z } from "zod";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ what: z.string() }) });
const Answered = defineEvent({
  type: "demo.answered",
  version: 1,
  data: z.object({ what: z.string(), by: z.object({ name: z.string(), age: z.int() }), tags: z.array(z.string()) }),
});
const ANSWER = { what: "it", by: { name: "Ada", age: 36 }, tags: ["a", "b"] };
const work = defineFunction({ on: Asked, emits: [Answered] }, ({ data }, ctx) => {
  if (data.what === "fails") throw new TypeError("no such thing");
  if (data.what === "refuses") throw new NonRetryableError("never");
  if (data.what === "answers") ctx.emit(Answered, ANSWER);
});
const run = (what: string) => invoke(work, { what }, { clock: new TestClock() });

/** What the assertion said as it failed. */
function said(assertion: () => unknown): string {
  try {
    assertion();
  } catch (error) {
    assert.ok(error instanceof AssertionError);
    return error.message;
  }
  throw new Error("it did not fail");
}

Deno.test("each outcome satisfies its own assertion, as a result and as an outcome", async () => {
  assertAcked(await run("is done"));
  assertAcked((await run("is done")).outcome);
  assertRetried(await run("fails"));
  assertRetried(await run("fails"), { reason: "failed", delayMs: 125, usesAttempt: true });
  assertDeadLettered(await run("refuses"), { reason: "rejected" });
});

Deno.test("an event that was not acked is told with its error and the line that threw it", async () => {
  const result = await run("fails");
  const [first, second, third] = said(() => assertAcked(result)).split("\n");
  assert.equal(first, "expected the event to be acked, but it was to be retried (failed) in 125ms");
  assert.equal(second, "  TypeError: no such thing");
  assert.match(third, /^ {4}at testing\/assert_outcome_test\.ts:23:\d+$/);
});

Deno.test("another reason, another delay and another kind are told apart", async () => {
  const failed = await run("fails"), refused = await run("refuses"), done = await run("is done");
  assert.match(
    said(() => assertRetried(failed, { reason: "timed-out", delayMs: 125 })),
    /^expected the event to be retried with reason 'timed-out', delayMs 125, but it was to be retried \(failed\)/,
  );
  assert.match(said(() => assertRetried(failed, { delayMs: 126 })), /with delayMs 126/);
  assert.match(said(() => assertRetried(done)), /but it was acked$/);
  assert.match(said(() => assertDeadLettered(refused, { reason: "expired" })), /a dead letter \(rejected\) after 1/);
  assert.match(said(() => assertDeadLettered(done)), /but it was acked$/);
});

Deno.test("an emitted event is found by its type, and by as much of its data as is given", async () => {
  const result = await run("answers");
  assert.deepEqual(assertEmitted(result, Answered).data, ANSWER);
  assertEmitted(result, Answered, { by: { age: 36 } });
  assertEmitted(result, Answered, { tags: ["a", "b"] });
});

Deno.test("data that differs, a list that is not whole, and an event that was not emitted are told", async () => {
  const result = await run("answers");
  assert.match(
    said(() => assertEmitted(result, Answered, { by: { age: 37 } })),
    /^expected demo\.answered with \{ by: \{ age: 37 \} \} to be emitted, but these events were:\n {2}demo\.answered \{/,
  );
  assert.match(said(() => assertEmitted(result, Answered, { tags: ["a"] })), /these events were/);
  assert.match(said(() => assertEmitted(result, Asked)), /^expected demo\.asked to be emitted, but these events were/);
  const failed = await run("fails");
  assert.match(
    said(() => assertEmitted(failed, Answered)),
    /nothing was, and the event was to be retried \(failed\) in 125ms\n {2}TypeError: no such thing\n/,
  );
});

Deno.test("nothing emitted is nothing", async () => {
  assertNothingEmitted(await run("is done"));
  const answered = await run("answers");
  assert.match(
    said(() => assertNothingEmitted(answered)),
    /^expected nothing to be emitted, but these events were:\n {2}demo/,
  );
});

Deno.test("what the data may be is known from the event's schema", async () => {
  const result = await run("answers");
  // @ts-expect-error -- no such field
  assert.throws(() => assertEmitted(result, Answered, { wath: "it" }));
  // @ts-expect-error -- not a number
  assert.throws(() => assertEmitted(result, Answered, { by: { age: "36" } }));
});

Deno.test("of something that came of no event nothing is said but that", async () => {
  const unawaited = run("is done");
  // deno-lint-ignore no-explicit-any -- as who looks for one entry too many, or forgets to await, has it
  for (const given of [undefined, unawaited] as any[]) {
    for (const assertion of [assertAcked, assertRetried, assertDeadLettered, assertNothingEmitted]) {
      assert.match(
        said(() => assertion(given)),
        /^expected the result of `invoke`, .* but got (undefined|a promise: await it)$/,
      );
    }
    assert.match(said(() => assertEmitted(given, Answered)), /^expected the result of `invoke`/);
  }
  await unawaited;
});

Deno.test("of data that is not made of fields no part will do", async () => {
  const result = await run("answers");
  // deno-lint-ignore no-explicit-any -- what the types refuse
  const whole = (by: any) => said(() => assertEmitted(result, Answered, { by }));
  assert.match(whole(new Map()), /^expected demo\.answered with/);
  assert.match(whole(new Date(0)), /^expected demo\.answered with/);
});
