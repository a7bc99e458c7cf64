import assert from "node:assert/strict";
import { defineFunction, type FunctionDefinition } from "weir";
import { EMPTY_WINDOW, freeStarts, type RateWindow, withTake } from "../../runtime/core/rate_window.ts";
import { Admission } from "../../runtime/engine/admission.ts";
import { Attempt } from "../../runtime/engine/attempt.ts";
import { RateLimit } from "../../runtime/engine/rate_limit.ts";
import type { RateStore, StoredWindow } from "../../runtime/engine/rate_store.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { decode } from "../../runtime/core/cloudevent.ts";
import { delivery } from "../support/deliveries.ts";
import { LEASE } from "../support/invocation.ts";

/** A store in memory that can fail, and that another process can write to. */
class MemoryRateStore implements RateStore {
  readonly windows = new Map<string, StoredWindow>();
  problem: string | undefined;
  reads = 0;
  writes = 0;
  /** Called before each write. */
  before: () => void = () => {};

  read(_name: string, key: string): Promise<StoredWindow> {
    this.reads++;
    if (this.problem) return Promise.reject(new Error(this.problem));
    return Promise.resolve(this.windows.get(key) ?? { window: EMPTY_WINDOW, revision: 0 });
  }

  write(_name: string, key: string, { window, revision }: StoredWindow): Promise<number | undefined> {
    this.writes++;
    this.before();
    if (this.problem) return Promise.reject(new Error(this.problem));
    if ((this.windows.get(key)?.revision ?? 0) !== revision) return Promise.resolve(undefined);
    this.windows.set(key, { window, revision: revision + 1 });
    return Promise.resolve(revision + 1);
  }

  /** Takes starts as another process would. */
  takeElsewhere(count: number, clock: TestClock, by = "other", key = "all") {
    const { window, revision } = this.windows.get(key) ?? { window: EMPTY_WINDOW, revision: 0 };
    const next: RateWindow = withTake(window, { count, by, holdMs: 20 }, { limit: 10, perMs: 1_000 }, clock.nowMs);
    this.windows.set(key, { window: next, revision: revision + 1 });
  }
}

function setup(
  rate: NonNullable<FunctionDefinition["options"]["rate"]> = { limit: 10, per: "1s" },
  store = new MemoryRateStore(),
) {
  const clock = new TestClock(), reported: (string | undefined)[] = [];
  const [fn] = registryOf({ ship: defineFunction({ on: "orders.>", rate }, () => {}) }).functions;
  const ports = { store, reportProblem: (_name: string, problem: string | undefined) => void reported.push(problem) };
  const collected = { count: 0 }, admission = new Admission(clock);
  const limit = new RateLimit("ship", fn.policy.rate!, ports, clock, () => collected.count);
  admission.add(limit);
  const attempt = (data: unknown = {}) => {
    const one = new Attempt(fn, clock, delivery({ payload: JSON.stringify(data) }), LEASE);
    one.decoded = decode(one.delivery, undefined, undefined);
    return one;
  };
  /** Asks for a number of starts at once. Returns the outcomes, undefined for each that begins. */
  const take = (count: number, data?: unknown) =>
    Promise.all(Array.from({ length: count }, () => limit.take(attempt(data))));
  const attempts = (count: number) => Array.from({ length: count }, () => attempt());
  return { clock, store, limit, admission, reported, take, attempts, collected };
}

Deno.test("RateLimit takes the starts of all that wait with one write", async () => {
  const { store, take, limit } = setup();
  assert.deepEqual(await take(8), Array(8).fill(undefined));
  assert.ok(store.writes <= 2, String(store.writes)); // the first asks alone, the others while its window is read
  assert.equal(limit.permits(), 2);
  assert.equal(limit.admitsAgainAtMs(), undefined);
});

Deno.test("RateLimit permits nothing while its starts are used up, and again when one ends", async () => {
  const { clock, take, limit, admission } = setup(), heard: number[] = [];
  admission.onMorePermits(() => heard.push(admission.permits()));
  await take(10);
  assert.deepEqual([limit.permits(), limit.admitsAgainAtMs()], [0, clock.nowMs + 1_000]); // 20 ms ahead, to pull
  heard.length = 0;
  await clock.advance(999);
  assert.deepEqual(heard, []);
  await clock.advance(1);
  assert.deepEqual(heard, [10]);
});

Deno.test("RateLimit does not count running deliveries against its permits: each took its start", async () => {
  const { take, admission } = setup();
  await take(4);
  assert.equal(admission.credits(4, 0), 6);
  assert.equal(admission.credits(4, 2), 4);
});

Deno.test("RateLimit permits its part of what is free when other processes take starts", async () => {
  const { clock, store, limit, take } = setup();
  store.takeElsewhere(2, clock);
  await take(2);
  assert.equal(limit.permits(), 3); // six are free, for two processes
});

Deno.test("RateLimit holds deliveries for a start within two seconds, and sends the others back, each to a time of its own", async () => {
  const { clock, take, limit } = setup({ limit: 2, per: "500ms" });
  await take(2);
  const taking = take(6), outcomes: unknown[] = [];
  void taking.then((all) => outcomes.push(...all));
  await clock.advance(0);
  assert.equal(limit.waiting, 2);
  await clock.advance(600);
  const [first, second, ...others] = await taking;
  assert.deepEqual([first, second], [undefined, undefined]);
  const delays = others.map((outcome) => {
    assert.partialDeepStrictEqual(outcome, { kind: "retry", reason: "rate-limited", usesAttempt: false });
    return outcome?.kind === "retry" ? outcome.delayMs : 0;
  });
  assert.equal(new Set(delays).size, 4);
  assert.ok(delays.every((ms, i) => ms >= 500 + i * 250), delays.join());
});

Deno.test("RateLimit reads the window again when another process was faster", async () => {
  const { clock, store, take, limit } = setup();
  await take(1);
  store.takeElsewhere(9, clock);
  const taking = take(1);
  await clock.advance(0);
  assert.deepEqual([limit.waiting, limit.permits()], [1, 0]);
  await clock.advance("1020ms");
  assert.deepEqual(await taking, [undefined]);
});

Deno.test("RateLimit asks again for starts whose answer came too late to be used", async () => {
  const { clock, store, take, limit } = setup({ limit: 100, per: "1s" });
  let slow = 1;
  store.before = () => {
    if (slow-- > 0) clock.move(30);
  };
  assert.deepEqual(await take(1), [undefined]);
  assert.equal(limit.holdMs, 60 * 0.9);
  assert.equal(freeStarts(store.windows.get("all")!.window, 100, clock.nowMs), 99, "the unused start is dropped");
  await take(20);
  assert.ok(limit.holdMs < 60 * 0.9);
});

Deno.test("RateLimit keeps to its part of the limit while the store fails, reports it, and shares again", async () => {
  const { clock, store, take, limit, reported } = setup();
  store.takeElsewhere(0, clock);
  await take(1);
  store.problem = "no answer";
  const taking = take(6);
  await clock.advance(0);
  assert.equal(limit.isLocal(), true);
  assert.match(limit.problem()!, /^its rate is not shared, each process keeps to its part of the limit: no answer$/);
  assert.deepEqual([limit.permits(), limit.waiting], [0, 2]); // five are its part: one before, and four of these
  await clock.advance("15s");
  assert.deepEqual(await taking, Array(6).fill(undefined));
  assert.equal(limit.permits(), 5, "it remembers the other process for as long as the store fails");
  const late = take(2);
  await clock.advance(0);
  assert.deepEqual(await late, [undefined, undefined]);
  store.problem = undefined;
  store.windows.clear();
  await clock.advance("2s");
  assert.equal(limit.problem(), undefined);
  assert.deepEqual(reported.map((problem) => problem !== undefined), [true, false]);
});

Deno.test("RateLimit adds its own starts to a window that was lost", async () => {
  const { clock, store, take } = setup();
  await take(7);
  store.windows.clear();
  for (let i = 0; i < 5; i++) store.takeElsewhere(i === 0 ? 1 : 0, clock);
  await take(1);
  assert.equal(freeStarts(store.windows.get("all")!.window, 10, clock.nowMs), 1);
});

Deno.test("RateLimit gives back what it holds when the process stops", async () => {
  const { take, admission, limit } = setup({ limit: 1, per: "500ms" });
  await take(1);
  const taking = take(1);
  admission.close();
  const shutdown = { kind: "retry", delayMs: 0, reason: "shutdown", usesAttempt: false };
  assert.deepEqual(await taking, [shutdown]);
  assert.deepEqual(await take(1), [shutdown]);
  assert.equal(limit.waiting, 0);
});

Deno.test("RateLimit with `by` limits each key, and always pulls", async () => {
  const { take, limit, store } = setup({ limit: 2, per: "1h", by: ({ data }) => (data as { t: string }).t });
  assert.deepEqual(await take(2, { t: "a" }), [undefined, undefined]);
  const [refused] = await take(1, { t: "a" });
  assert.ok(refused?.kind === "retry" && refused.delayMs >= 3_600_000 && !refused.usesAttempt);
  assert.deepEqual(await take(2, { t: "b" }), [undefined, undefined]);
  assert.equal(limit.permits(), Infinity);
  assert.equal(store.windows.size, 2);
});

Deno.test("RateLimit forgets idle keys beyond 10,000, and keeps to their limits all the same", async () => {
  const { take, store } = setup({ limit: 1, per: "1h", by: ({ data }) => (data as { t: string }).t });
  await take(1, { t: "first" });
  for (let n = 0; n < 10_000; n++) await take(1, { t: `t${n}` });
  const before = store.reads;
  assert.partialDeepStrictEqual(await take(1, { t: "first" }), [{ kind: "retry", reason: "rate-limited" }]);
  assert.equal(store.reads, before + 1);
});

const mistakes: [title: string, by: () => unknown][] = [
  ["throws", () => assert.fail("no tenant")],
  ["returns no text", () => undefined],
  ["returns an empty text", () => ""],
];
for (const [title, by] of mistakes) {
  Deno.test(`RateLimit fails an attempt whose \`by\` ${title}`, async () => {
    const { take, store } = setup({ limit: 2, per: "1s", by: by as () => string });
    assert.partialDeepStrictEqual(await take(1), [{ kind: "retry", reason: "failed", usesAttempt: true }]);
    assert.equal(store.reads, 0);
  });
}

/** Waits until promises that are due have gone on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await null;
}

Deno.test("RateLimit.takeAll takes the starts of a batch with one write", async () => {
  const { store, limit, attempts } = setup();
  assert.deepEqual(await limit.takeAll(attempts(10)), Array(10).fill(undefined));
  assert.equal(store.writes, 1);
  assert.equal(limit.permits(), 0);
});

Deno.test("RateLimit.takeAll waits until there are starts for the whole batch, and takes none before", async () => {
  const { clock, store, limit, attempts, take } = setup();
  await take(4);
  await clock.advance(600);
  await take(3);
  const ended: unknown[] = [], { writes } = store;
  void limit.takeAll(attempts(9)).then((outcomes) => ended.push(...outcomes));
  await clock.advance(500); // the first four count no more, which leaves seven
  await settled();
  assert.deepEqual([ended, store.writes], [[], writes]);
  await clock.advance(600);
  await settled();
  assert.deepEqual(ended, Array(9).fill(undefined));
});

Deno.test("RateLimit.takeAll takes what there is if a batch would wait for longer than two seconds", async () => {
  const { limit, attempts, take } = setup({ limit: 10, per: "1m" });
  await take(7);
  const outcomes = await limit.takeAll(attempts(5));
  assert.deepEqual(outcomes.slice(0, 3), [undefined, undefined, undefined]);
  for (const outcome of outcomes.slice(3)) {
    assert.partialDeepStrictEqual(outcome, { kind: "retry", reason: "rate-limited", usesAttempt: false });
  }
  const none = await limit.takeAll(attempts(5));
  assert.ok(none.every((outcome) => outcome?.kind === "retry" && outcome.reason === "rate-limited"));
});

Deno.test("RateLimit.takeAll gives back a batch that waits when the process stops", async () => {
  const { limit, attempts, take } = setup();
  await take(10);
  const waiting = limit.takeAll(attempts(2));
  await settled();
  limit.close();
  for (const outcome of await waiting) assert.partialDeepStrictEqual(outcome, { kind: "retry", reason: "shutdown" });
});

Deno.test("RateLimit permits no more than the events that its next batches leave", async () => {
  const { limit, take, collected } = setup();
  await take(3);
  collected.count = 5;
  assert.equal(limit.permits(), 2);
  collected.count = 20;
  assert.equal(limit.permits(), 0);
});
