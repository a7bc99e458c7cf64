import assert from "node:assert/strict";
import { defineFunction } from "weir";
import { decode } from "../../runtime/core/cloudevent.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { Admission } from "../../runtime/engine/admission.ts";
import { Attempt } from "../../runtime/engine/attempt.ts";
import { KeyShares } from "../../runtime/engine/key_shares.ts";
import { KEY_MOVES, KEY_ROOM, KEY_ROOM_BYTES } from "../../runtime/project/concurrency_policy.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { delivery } from "../support/deliveries.ts";
import { gate, LEASE } from "../support/invocation.ts";

const ACK: Outcome = { kind: "ack" };
const ATTEMPTS = {
  read: () => Promise.resolve(undefined),
  write: () => Promise.resolve(),
  markPrefetching: () => Promise.resolve(),
};

function setup({ limit = 4, perKey = 2, lease = LEASE } = {}) {
  const clock = new TestClock(), concurrency = { limit, perKey, by: (event: never) => event["data"]["k"] as string };
  const [fn] = registryOf({ ship: defineFunction({ on: "orders.>", concurrency }, () => {}) }).functions;
  const shares = new KeyShares("ship", fn.policy, fn.policy.shares!, { clock, attempts: ATTEMPTS });
  const begun: string[] = [], ends: (() => void)[] = [];
  let sequence = 0;
  /** Lets an event enter. Its name is its key and its position in the stream. */
  const enter = (k: unknown, at = ++sequence, bytes = 0) => {
    const payload = JSON.stringify({ k, fill: "x".repeat(bytes) });
    const attempt = new Attempt(fn, clock, { ...delivery({ payload }), sequence: at }, lease);
    attempt.decoded = decode(attempt.delivery, undefined, undefined);
    const run = async () => {
      begun.push(`${k}${at}`);
      const { promise, resolve } = gate();
      ends.push(resolve);
      await promise;
      return ACK;
    };
    return shares.enter(attempt, run, (outcome) => outcome);
  };
  /** Ends the run that began first. */
  const end = async () => {
    ends.shift()!();
    await clock.advance(0);
  };
  return { clock, shares, begun, enter, end };
}

Deno.test("KeyShares runs no more of a key than its share, and no more of all keys than the limit", async () => {
  const { clock, shares, begun, enter, end } = setup();
  for (const k of ["a", "a", "a", "b", "c", "d"]) void enter(k);
  await clock.advance(0);
  assert.deepEqual(begun, ["a1", "a2", "b4", "c5"]);
  assert.deepEqual([shares.running, shares.waiting, shares.keys], [4, 2, 4]);
  await end();
  assert.deepEqual(begun.slice(4), ["d6"]); // it may have begun before the share of `a` was free
  await end();
  assert.deepEqual(begun.slice(5), ["a3"]);
  for (let i = 0; i < 4; i++) await end();
  assert.deepEqual([shares.running, shares.waiting, shares.keys], [0, 0, 0]); // keys without work are forgotten
});

Deno.test("KeyShares lets keys take turns, the earliest event of each first", async () => {
  const { clock, begun, enter, end } = setup({ limit: 1, perKey: 1 });
  for (const [k, at] of [["x", 1], ["a", 4], ["a", 3], ["a", 2], ["b", 6], ["c", 7], ["b", 5]] as const) {
    void enter(k, at);
  }
  await clock.advance(0);
  for (let i = 0; i < 6; i++) await end();
  assert.deepEqual(begun, ["x1", "a2", "b5", "c7", "a3", "b6", "a4"]);
});

Deno.test("[G17] KeyShares skips over the latest events of a key that fills its room, and uses no attempt", async () => {
  const { clock, shares, begun, enter } = setup({ limit: 3, perKey: 1 });
  const entered = Array.from({ length: KEY_ROOM + 3 }, () => enter("a"));
  await clock.advance(0);
  assert.deepEqual([shares.running, shares.waiting, shares.skipped], [1, KEY_ROOM, 2]);
  const skipped = await Promise.all(entered.slice(-2));
  for (const outcome of skipped) assert.partialDeepStrictEqual(outcome, { reason: "key-limited", usesAttempt: false });
  const [first, second] = skipped.map((outcome) => outcome.kind === "retry" ? outcome.delayMs : 0);
  assert.ok(first >= 5_000 && second > first, `${first} ${second}`);
  // Another key takes a free handler, and the place of the key that holds most.
  for (const k of ["b", "b"]) void enter(k);
  await clock.advance(0);
  assert.deepEqual(begun.slice(1), ["b104"]);
  assert.deepEqual([shares.waiting, shares.skipped], [KEY_ROOM, 3]);
  // An event that has returned is earlier than those that wait.
  void enter("a", 0);
  await clock.advance(0);
  assert.deepEqual([shares.waiting, shares.skipped], [KEY_ROOM, 4]);
});

Deno.test("KeyShares bounds the bytes of what waits", async () => {
  const { clock, shares, enter } = setup({ limit: 3, perKey: 1 });
  void enter("a");
  for (let i = 0; i < 5; i++) void enter("a", undefined, KEY_ROOM_BYTES / 4);
  await clock.advance(0);
  assert.deepEqual([shares.waiting, shares.skipped], [3, 2]);
});

Deno.test("KeyShares skips over nothing while all handlers run: other events could not begin either", async () => {
  const { clock, shares, enter } = setup({ limit: 2, perKey: 1 });
  for (const k of ["a", "b"]) void enter(k);
  for (let i = 0; i < KEY_ROOM + 50; i++) void enter("a");
  await clock.advance(0);
  assert.deepEqual([shares.waiting, shares.skipped], [KEY_ROOM + 50, 0]);
});

Deno.test("KeyShares skips over what does not begin within five seconds, so that another process may run it", async () => {
  const { clock, shares, enter } = setup({ limit: 2, perKey: 1 });
  for (let i = 0; i < 40; i++) void enter("a");
  await clock.advance("10s");
  assert.equal(shares.skipped, 38);
  assert.equal(shares.waiting, 1); // the next to run
  assert.equal(shares.keys, 1);
  await clock.advance("2s"); // a slow handler
  assert.deepEqual([shares.skipped, shares.waiting, shares.running], [39, 0, 1]);
});

Deno.test("KeyShares permits what can begin, and beyond it only what lets other keys begin", async () => {
  const { clock, shares, enter } = setup({ limit: 4, perKey: 2 }), admission = new Admission(clock);
  admission.add(shares);
  const heard: number[] = [];
  admission.onMorePermits(() => heard.push(shares.permits()));
  void enter("a");
  assert.equal(shares.permits(), 3); // until the mark is stored
  await clock.advance(0);
  assert.deepEqual(heard, [3]);
  assert.deepEqual([shares.permits(), admission.credits(0, 1), admission.permits()], [3, 2, Infinity]);
  for (let i = 0; i < 4; i++) void enter("a");
  await clock.advance(0);
  assert.equal(shares.permits(), 3); // two run and three wait, two handlers are free
  for (let i = 0; i < KEY_ROOM; i++) void enter("a");
  await clock.advance(0);
  assert.equal(shares.permits(), KEY_MOVES);
  for (const k of ["b", "c"]) void enter(k);
  await clock.advance(0);
  assert.equal(shares.permits(), 0);
});

Deno.test("KeyShares forgets a key that was skipped over once all its events have returned", async () => {
  const { clock, shares, enter, end } = setup({ limit: 2, perKey: 1 });
  for (let i = 0; i < KEY_ROOM + 3; i++) void enter("a");
  await clock.advance(0);
  while (shares.running > 0) await end();
  assert.equal(shares.keys, 1);
  await clock.advance("1m");
  void enter("a");
  await clock.advance(0);
  await end();
  assert.equal(shares.keys, 0);
});

Deno.test("[G17] KeyShares gives back at a shutdown what waits, and what comes later", async () => {
  const { clock, shares, enter } = setup({ limit: 1, perKey: 1 }), admission = new Admission(clock);
  admission.add(shares);
  void enter("a");
  const waiting = enter("a");
  await clock.advance(0);
  admission.close();
  for (const outcome of [await waiting, await enter("b")]) {
    assert.deepEqual(outcome, { kind: "retry", delayMs: 0, reason: "shutdown", usesAttempt: false });
  }
});

Deno.test("KeyShares does not run an attempt whose lease expired while it waited", async () => {
  let isValid = true;
  const { clock, enter, end, begun } = setup({ limit: 1, perKey: 1, lease: { ...LEASE, isValid: () => isValid } });
  void enter("a");
  const waiting = enter("a");
  await clock.advance(0);
  isValid = false;
  await end();
  assert.deepEqual(await waiting, { kind: "lease-expired" });
  assert.deepEqual(begun, ["a1"]);
});

Deno.test("KeyShares moves no attempt to the retry stream whose lease expired while it waited", async () => {
  let isValid = true;
  const { clock, enter } = setup({ limit: 1, perKey: 1, lease: { ...LEASE, isValid: () => isValid } });
  void enter("a");
  await clock.advance(0);
  const late = enter("a");
  isValid = false;
  await clock.advance("1m");
  assert.deepEqual(await late, { kind: "lease-expired" });
});

Deno.test("KeyShares fails the attempt of an event whose key is no text", async () => {
  const { enter } = setup();
  const outcome = await enter(42);
  assert.partialDeepStrictEqual(outcome, { kind: "retry", reason: "failed", usesAttempt: true });
  assert.match(
    outcome.kind === "retry" ? outcome.error!.message : "",
    /^`concurrency\.by` of ship returned 42: it must return text that is not empty$/,
  );
});
