import assert from "node:assert/strict";
import { type BatchContext, defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { z } from "zod";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { invoke, MemoryIdempotencyStore, MemoryKvStore, TestClock } from "../../runtime/testing.ts";
import { gate } from "../support/invocation.ts";

const Row = defineEvent({ type: "rows.added", version: 1, data: z.object({ n: z.int() }) });
const Stored = defineEvent({ type: "rows.stored", version: 1, data: z.object({ n: z.int() }) });
type Context = BatchContext<readonly [typeof Stored], { data: { n: number } }>;

/** A function on batches of rows, with the numbers of the rows of each run. */
function rows(handler: (numbers: number[], ctx: Context, events: readonly { data: { n: number } }[]) => unknown) {
  const runs: string[] = [];
  const fn = defineFunction(
    { on: Row, emits: [Stored], batch: { size: 100 }, retry: { jitter: "none" }, timeout: "5s" },
    (events, ctx) => {
      const numbers = events.map(({ data }) => data.n);
      runs.push(numbers.join(" "));
      return handler(numbers, ctx as unknown as Context, events);
    },
  );
  return { fn, runs };
}

const given = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const brief = ({ events }: { events: readonly { outcome: Outcome }[] }) =>
  events.map(({ outcome }) => {
    if (outcome.kind === "retry") return `${outcome.reason} ${outcome.delayMs}${outcome.usesAttempt ? "" : " free"}`;
    return outcome.kind === "dead-letter" ? outcome.reason : outcome.kind;
  }).join(", ");

Deno.test("BatchRunner runs the handler once with all events, and acks each", async () => {
  const { fn, runs } = rows(() => {});
  assert.equal(brief(await invoke(fn, given(4))), "ack, ack, ack, ack");
  assert.deepEqual(runs, ["0 1 2 3"]);
});

Deno.test("BatchRunner fails the single events that the handler names, each with its own error", async () => {
  const { fn, runs } = rows((_numbers, { batch }, events) => {
    batch.fail(events[0] as never, new Error("odd"));
    batch.fail(events[1] as never, new NonRetryableError("never"));
    batch.fail(events[2] as never, new RetryAfterError("30s"));
  });
  assert.equal(brief(await invoke(fn, given(4))), "failed 250, rejected, retry-after 30000, ack");
  assert.equal(runs.length, 1);
});

Deno.test("ctx.emit with a delay, and ctx.cancel, in a batch belong to the event that is their cause", async () => {
  const clock = new TestClock(Date.UTC(2026, 0, 2));
  const { fn } = rows((_numbers, ctx, events) => {
    ctx.emit(Stored, { n: 1 }, { cause: events[0] as never, delay: "1h", key: "later" });
    ctx.cancel("a", { cause: events[1] as never });
    ctx.cancel("b", { cause: events[2] as never });
    ctx.batch.fail(events[2] as never, new Error("no"));
  });
  const { events, cancelled } = await invoke(fn, given(3), { clock });
  assert.deepEqual(cancelled, ["a"]);
  assert.deepEqual(events.map(({ emitted }) => emitted.map(({ at, key }) => [at?.toISOString(), key])), [
    [["2026-01-02T01:00:00.000Z", "later"]],
    [],
    [],
  ]);
  const without = rows((_numbers, ctx) => (ctx.cancel as (key: string) => void)("a"));
  const failed = await invoke(without.fn, given(1));
  assert.match(JSON.stringify(failed.events[0].outcome), /takes an event of its batch/);
});

const thrown: [what: string, handler: (numbers: number[]) => unknown, outcomes: string, runs: string[]][] = [
  [
    "an error, in halves until the event at fault is alone",
    (numbers) => assert.ok(!numbers.includes(3)),
    "ack, ack, ack, failed 250",
    ["0 1 2 3", "0 1", "2 3", "2", "3"],
  ],
  [
    "an error of an asynchronous handler",
    async (numbers) => {
      await Promise.resolve();
      assert.ok(!numbers.includes(0));
    },
    "failed 250, ack, ack, ack",
    ["0 1 2 3", "0 1", "0", "1", "2 3"],
  ],
  [
    "a RetryAfterError, which is of all events",
    () => {
      throw new RetryAfterError("1m");
    },
    "retry-after 60000, retry-after 60000, retry-after 60000, retry-after 60000",
    ["0 1 2 3"],
  ],
  [
    "a RetryAfterError of one event alone, which is its own",
    (numbers) => {
      if (numbers.length === 1) throw new RetryAfterError("1m");
      assert.ok(!numbers.includes(1));
    },
    "retry-after 60000, retry-after 60000, ack, ack",
    ["0 1 2 3", "0 1", "0", "1", "2 3"],
  ],
];
for (const [what, handler, outcomes, expected] of thrown) {
  Deno.test(`BatchRunner runs again after ${what}`, async () => {
    const { fn, runs } = rows(handler);
    assert.equal(brief(await invoke(fn, given(4))), outcomes);
    assert.deepEqual(runs, expected);
  });
}

Deno.test("[G23] BatchRunner rejects only the event that is alone with its NonRetryableError", async () => {
  const { fn, runs } = rows((numbers) => {
    if (numbers.includes(1)) throw new NonRetryableError("never");
  });
  assert.equal(brief(await invoke(fn, given(4))), "ack, rejected, ack, ack");
  assert.deepEqual(runs, ["0 1 2 3", "0 1", "0", "1", "2 3"]);
});

Deno.test("BatchRunner ends the search when nothing succeeds, and retries all events", async () => {
  const { fn, runs } = rows(() => Promise.reject(new NonRetryableError("the database is down")));
  const outcomes = brief(await invoke(fn, given(16))).split(", ");
  assert.equal(runs.length, 9);
  assert.deepEqual(outcomes.filter((outcome) => outcome === "rejected").length, 4, "only those that were alone");
  assert.deepEqual(outcomes.filter((outcome) => outcome === "failed 250").length, 12);
});

Deno.test("BatchRunner bounds all runs of a batch by the timeout, and retries the events of a run that reaches it", async () => {
  const clock = new TestClock(), second = gate();
  const { fn, runs } = rows(async (numbers) => {
    if (numbers.length === 2 && numbers[0] === 0) return second.resolve();
    if (numbers.length === 2) return await new Promise(() => {});
    await new Promise<void>((resolve) => clock.timer(4_000, resolve));
    throw new Error("one of them");
  });
  const invoked = invoke(fn, given(4), { clock });
  await clock.advance("4s");
  await second.promise;
  await clock.advance("1s");
  assert.equal(brief(await invoked), "ack, ack, timed-out 250, timed-out 250");
  assert.deepEqual(runs, ["0 1 2 3", "0 1", "2 3"]);
});

Deno.test("BatchRunner begins no run after the timeout", async () => {
  const clock = new TestClock();
  const { fn, runs } = rows(() => {
    clock.move(5_000); // it computes without awaiting
    throw new Error("one of them");
  });
  assert.equal(brief(await invoke(fn, given(2), { clock })), "failed 250, failed 250");
  assert.deepEqual(runs, ["0 1"]);
});

Deno.test("BatchRunner gives back all events of a batch that runs at the end of a shutdown", async () => {
  const clock = new TestClock();
  const { fn } = rows(async (numbers, ctx) => {
    if (numbers.length > 2) throw new Error("one of them");
    if (numbers[0] === 0) return;
    await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)));
  });
  const invoked = invoke(fn, given(4), { clock, shutdown: "1s" });
  await clock.advance("1s");
  assert.equal(brief(await invoked), "ack, ack, shutdown 0 free, shutdown 0 free");
});

Deno.test("BatchRunner leaves out the events that are not to run, and runs the others", async () => {
  const store = new MemoryIdempotencyStore(), seen: string[] = [];
  const count = defineFunction(
    { on: Row, batch: { size: 10 }, idempotency: { key: ({ data }) => `${data.n % 3}` } },
    (events) => void seen.push(events.map(({ data }) => data.n).join(" ")),
  );
  const kv = new MemoryKvStore();
  const first = brief(await invoke(count, given(4), { idempotencyStore: store, kv }));
  assert.match(first, /^ack, ack, ack, claim-held \d+ free$/, "one of two with the same key");
  const again = await invoke(count, [...given(3), { n: "three" as never }], { idempotencyStore: store });
  assert.equal(brief(again), "ack, ack, ack, invalid");
  assert.deepEqual(seen, ["0 1 2"]);
});

Deno.test("BatchRunner publishes what each event has emitted, unless it fails, with ids that its batch does not change", async () => {
  const { fn } = rows((numbers, ctx, events) => {
    for (const event of events) {
      ctx.emit(Stored, { n: event.data.n }, { cause: event });
      ctx.emit(Stored, { n: -event.data.n }, { cause: event });
    }
    if (numbers.length > 2 && numbers.includes(1)) throw new Error("together");
    if (numbers.includes(1)) ctx.batch.fail(events[1], new Error("odd"));
  });
  const { events } = await invoke(fn, given(4));
  assert.deepEqual(events.map(({ emitted }) => emitted.map(({ data }) => data)), [
    [{ n: 0 }, { n: 0 }],
    [],
    [{ n: 2 }, { n: -2 }],
    [{ n: 3 }, { n: -3 }],
  ]);
  const other = rows((_numbers, ctx, [event]) => ctx.emit(Stored, { n: 3 }, { cause: event }));
  const alone = await invoke(other.fn, given(1), { id: "test-event" });
  assert.equal(alone.events[0].emitted[0].id, events[0].emitted[0].id);
});

const mistakes: [what: string, handler: (ctx: Context, event: { data: { n: number } }) => void, message: RegExp][] = [
  [
    "emits without a cause",
    (ctx) => (ctx.emit as (...args: unknown[]) => void)(Stored, { n: 1 }),
    /testedFunction emits rows\.stored: ctx\.emit\(Event, data, \{ cause \}\) takes an event of its batch, as the handler got it, not undefined/,
  ],
  [
    "emits for a copy of an event",
    (ctx, event) => ctx.emit(Stored, { n: 1 }, { cause: { ...event } }),
    /takes an event of its batch, as the handler got it, not "test-event-1"/,
  ],
  [
    "fails an event of no batch",
    (ctx) => ctx.batch.fail({ data: { n: 1 } }, new Error("no")),
    /ctx\.batch\.fail takes an event of its batch/,
  ],
];
for (const [what, handler, message] of mistakes) {
  Deno.test(`BatchRunner fails an event whose handler ${what}, and says what to do`, async () => {
    const { fn } = rows((_numbers, ctx, [event]) => handler(ctx, event));
    const { events: [{ outcome }] } = await invoke(fn, given(1));
    assert.ok(outcome.kind === "retry");
    assert.match(outcome.error!.message, message);
  });
}

Deno.test("BatchRunner refuses what is emitted or failed after the handler returned", async () => {
  let late!: () => void;
  const { fn } = rows((_numbers, ctx, [event]) => {
    late = () => ctx.batch.fail(event, new Error("late"));
  });
  assert.equal(brief(await invoke(fn, given(1))), "ack");
  assert.throws(late, /ctx\.batch\.fail after the handler returned: await whatever calls it/);
});

Deno.test("BatchRunner gives the handler one context for the batch: attempt, log, span, key-value buckets", async () => {
  const kv = new MemoryKvStore();
  const { fn } = rows(async (_numbers, { attempt, log, kv, span }) => {
    log.info("stored", { attempt });
    span.setAttribute("rows", 2);
    await kv("rows").put("last", 1);
  });
  const { logs, spans } = await invoke(fn, given(2), { attempt: 2, kv });
  assert.deepEqual([logs[0].message, logs[0].events, logs[0].attempt, logs[0].event_id], ["stored", 2, 2, undefined]);
  assert.deepEqual(kv.contents(), { rows: { last: 1 } });
  assert.equal(logs[0].span_id, spans[0].spanId);
  assert.equal(spans[0].attributes.rows, 2);
});

Deno.test("BatchRunner ends a call that never returns as a failure of the dependency, once", async () => {
  const clock = new TestClock();
  const { fn } = rows((_numbers, ctx) => ctx.dependency("Bank").call(() => new Promise(() => {})));
  const invoked = invoke(fn, given(2), { clock });
  await clock.advance("5s");
  assert.equal(brief(await invoked), "timed-out 250, timed-out 250");
  const open = await invoke(fn, given(2), { dependencies: { Bank: "open" }, clock });
  assert.match(brief(open), /^dependency-open \d+ free, dependency-open \d+ free$/);
});
