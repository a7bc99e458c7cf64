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

/** Returns the message of a failed assertion. */
function messageOf(assertion: () => unknown): string {
  try {
    assertion();
  } catch (error) {
    assert.ok(error instanceof AssertionError);
    return error.message;
  }
  throw new Error("it did not fail");
}

Deno.test("assertAcked, assertRetried and assertDeadLettered accept their outcome, bare or in a result", async () => {
  assertAcked(await run("is done"));
  assertAcked((await run("is done")).outcome);
  assertRetried(await run("fails"));
  assertRetried(await run("fails"), { reason: "failed", delayMs: 125, usesAttempt: true });
  assertDeadLettered(await run("refuses"), { reason: "rejected" });
});

Deno.test("assertAcked fails with the handler's error and the line that threw it", async () => {
  const result = await run("fails");
  const [first, second, third] = messageOf(() => assertAcked(result)).split("\n");
  assert.equal(first, "expected the event to be acked, but it was to be retried (failed) in 125ms");
  assert.equal(second, "  TypeError: no such thing");
  assert.match(third, /^ {4}at testing\/assert_outcome_test\.ts:23:\d+$/);
});

Deno.test("assertRetried and assertDeadLettered compare the reason and the delay", async () => {
  const failed = await run("fails"), refused = await run("refuses"), done = await run("is done");
  assert.match(
    messageOf(() => assertRetried(failed, { reason: "timed-out", delayMs: 125 })),
    /^expected the event to be retried with reason 'timed-out', delayMs 125, but it was to be retried \(failed\)/,
  );
  assert.match(messageOf(() => assertRetried(failed, { delayMs: 126 })), /with delayMs 126/);
  assert.match(messageOf(() => assertRetried(done)), /but it was acked$/);
  assert.match(
    messageOf(() => assertDeadLettered(refused, { reason: "expired" })),
    /a dead letter \(rejected\) after 1/,
  );
  assert.match(messageOf(() => assertDeadLettered(done)), /but it was acked$/);
});

Deno.test("assertEmitted finds an event by its type and by part of its data", async () => {
  const result = await run("answers");
  assert.deepEqual(assertEmitted(result, Answered).data, ANSWER);
  assertEmitted(result, Answered, { by: { age: 36 } });
  assertEmitted(result, Answered, { tags: ["a", "b"] });
});

Deno.test("assertEmitted fails on other data, on part of a list, and on an event that was not emitted", async () => {
  const result = await run("answers");
  assert.match(
    messageOf(() => assertEmitted(result, Answered, { by: { age: 37 } })),
    /^expected demo\.answered with \{ by: \{ age: 37 \} \} to be emitted, but these events were:\n {2}demo\.answered \{/,
  );
  assert.match(messageOf(() => assertEmitted(result, Answered, { tags: ["a"] })), /these events were/);
  assert.match(
    messageOf(() => assertEmitted(result, Asked)),
    /^expected demo\.asked to be emitted, but these events were/,
  );
  const failed = await run("fails");
  assert.match(
    messageOf(() => assertEmitted(failed, Answered)),
    /nothing was, and the event was to be retried \(failed\) in 125ms\n {2}TypeError: no such thing\n/,
  );
});

Deno.test("assertNothingEmitted fails with the emitted events", async () => {
  assertNothingEmitted(await run("is done"));
  const answered = await run("answers");
  assert.match(
    messageOf(() => assertNothingEmitted(answered)),
    /^expected nothing to be emitted, but these events were:\n {2}demo/,
  );
});

Deno.test("assertEmitted types the data by the event's schema", async () => {
  const result = await run("answers");
  // @ts-expect-error -- no such field
  assert.throws(() => assertEmitted(result, Answered, { wath: "it" }));
  // @ts-expect-error -- not a number
  assert.throws(() => assertEmitted(result, Answered, { by: { age: "36" } }));
});

Deno.test("every assertion refuses undefined and a promise", async () => {
  const unawaited = run("is done");
  // deno-lint-ignore no-explicit-any -- what an index beyond the end, or a missing await, yields
  for (const given of [undefined, unawaited] as any[]) {
    for (const assertion of [assertAcked, assertRetried, assertDeadLettered, assertNothingEmitted]) {
      assert.match(
        messageOf(() => assertion(given)),
        /^expected the result of `invoke`, .* but got (undefined|a promise: await it)$/,
      );
    }
    assert.match(messageOf(() => assertEmitted(given, Answered)), /^expected the result of `invoke`/);
  }
  await unawaited;
});

Deno.test("assertEmitted compares maps and dates whole", async () => {
  const result = await run("answers");
  // deno-lint-ignore no-explicit-any -- what the types refuse
  const whole = (by: any) => messageOf(() => assertEmitted(result, Answered, { by }));
  assert.match(whole(new Map()), /^expected demo\.answered with/);
  assert.match(whole(new Date(0)), /^expected demo\.answered with/);
});
