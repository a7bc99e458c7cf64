import assert from "node:assert/strict";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import { WaitingAttempts } from "../../runtime/engine/waiting_attempts.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

function setup(count: number) {
  const clock = new TestClock(), late: number[] = [];
  const sequence = ({ delivery }: Attempt) => delivery.sequence;
  const waiting = new WaitingAttempts(clock, (attempt) => void late.push(sequence(attempt)));
  for (let n = 1; n <= count; n++) {
    waiting.add({ delivery: { sequence: n, payload: new Uint8Array(n) } } as unknown as Attempt);
  }
  return { clock, late, waiting, take: (n: number) => Array.from({ length: n }, () => sequence(waiting.take()!)) };
}

Deno.test("WaitingAttempts returns attempts in the order of their arrival, and sums their bytes", () => {
  const { waiting, take } = setup(4);
  assert.deepEqual([waiting.count, waiting.bytes, take(2), waiting.count, waiting.bytes], [4, 10, [1, 2], 2, 7]);
  assert.deepEqual(waiting.takeAll().length, 2);
});

Deno.test("WaitingAttempts keeps as many as began in the last second, and removes the rest as late", () => {
  const { clock, late, waiting, take } = setup(10);
  take(3);
  clock.move(1_000);
  assert.deepEqual([waiting.count, late], [3, [7, 8, 9, 10]]);
  clock.move(1_000);
  assert.deepEqual([waiting.count, late.slice(4), clock.timers], [0, [4, 5, 6], 0]);
});

Deno.test("WaitingAttempts sets no timer while nothing waits, and none after takeAll", () => {
  const { clock, late, waiting, take } = setup(1);
  assert.equal(clock.timers, 1);
  take(1);
  clock.move(1_000);
  assert.deepEqual([clock.timers, late], [0, []]);
  const other = setup(2);
  other.waiting.takeAll();
  assert.deepEqual([waiting.count, other.clock.timers], [0, 0]);
});
