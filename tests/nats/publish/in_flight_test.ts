import assert from "node:assert/strict";
import { InFlight } from "../../../runtime/nats/publish/in_flight.ts";

Deno.test("each gets the next number, and is taken by it once", () => {
  const sent = new InFlight<string>();
  assert.deepEqual(["a", "b", "c"].map((item) => sent.add(item)), [1, 2, 3]);
  assert.deepEqual([sent.take(2), sent.take(2), sent.take(1), sent.take(3)], ["b", undefined, "a", "c"]);
  assert.equal(sent.add("d"), 4);
});

Deno.test("nothing is at numbers that were never given", () => {
  const sent = new InFlight<string>();
  sent.add("a");
  sent.take(1);
  sent.add("b");
  for (const number of [0, 1, 3, -1, 1.5, NaN]) assert.equal(sent.take(number), undefined);
  assert.equal(sent.take(2), "b");
});

Deno.test("the oldest is the one that was added first of those that are left", () => {
  const sent = new InFlight<string>();
  assert.equal(sent.oldest, undefined);
  for (const item of ["a", "b", "c"]) sent.add(item);
  sent.take(1);
  assert.equal(sent.oldest, "b");
  assert.deepEqual([sent.takeOldest(), sent.takeOldest(), sent.takeOldest()], ["b", "c", undefined]);
});

Deno.test("some are taken in their order, and the others stay", () => {
  const sent = new InFlight<string>();
  for (const item of ["a1", "b1", "a2", "b2"]) sent.add(item);
  assert.deepEqual(sent.takeAll((item) => item.startsWith("a")), ["a1", "a2"]);
  assert.deepEqual([sent.oldest, sent.take(4), sent.take(2), sent.oldest], ["b1", "b2", "b1", undefined]);
});

Deno.test("a hundred thousand answered in any order within a window are each found", () => {
  const sent = new InFlight<number>(), WINDOW = 6_000;
  const open: number[] = [];
  for (let n = 1; n <= 100_000; n++) {
    assert.equal(sent.add(n), n);
    open.push(n);
    if (open.length > WINDOW) {
      const [number] = open.splice(n * 7_919 % WINDOW, 1);
      assert.equal(sent.take(number), number);
      assert.equal(sent.oldest, open[0]);
    }
  }
  assert.deepEqual(sent.takeAll(() => true), open);
});
