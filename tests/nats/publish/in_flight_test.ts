import assert from "node:assert/strict";
import { InFlight } from "../../../runtime/nats/publish/in_flight.ts";

Deno.test("InFlight gives each item the next number, and returns it once", () => {
  const sent = new InFlight<string>();
  assert.deepEqual(["a", "b", "c"].map((item) => sent.add(item)), [1, 2, 3]);
  assert.deepEqual([sent.take(2), sent.take(2), sent.take(1), sent.take(3)], ["b", undefined, "a", "c"]);
  assert.equal(sent.add("d"), 4);
});

Deno.test("InFlight has nothing at numbers that were not given", () => {
  const sent = new InFlight<string>();
  sent.add("a");
  sent.take(1);
  sent.add("b");
  for (const number of [0, 1, 3, -1, 1.5, NaN]) assert.equal(sent.take(number), undefined);
  assert.equal(sent.take(2), "b");
});

Deno.test("InFlight knows the oldest item", () => {
  const sent = new InFlight<string>();
  assert.equal(sent.oldest, undefined);
  for (const item of ["a", "b", "c"]) sent.add(item);
  sent.take(1);
  assert.equal(sent.oldest, "b");
  sent.take(2);
  assert.equal(sent.oldest, "c");
});

Deno.test("InFlight takes matching items in order, and keeps the others", () => {
  const sent = new InFlight<string>();
  for (const item of ["a1", "b1", "a2", "b2"]) sent.add(item);
  assert.deepEqual(sent.takeAll((item) => item.startsWith("a")), ["a1", "a2"]);
  assert.deepEqual([sent.oldest, sent.take(4), sent.take(2), sent.oldest], ["b1", "b2", "b1", undefined]);
});

Deno.test("InFlight finds each of a hundred thousand items that are taken in any order within a window", () => {
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

Deno.test("InFlight keeps an item that is older than thousands that were taken after it", () => {
  const sent = new InFlight<number>();
  sent.add(1);
  for (let n = 2; n <= 5_000; n++) assert.equal(sent.take(sent.add(n)), n);
  assert.deepEqual([sent.oldest, sent.take(1), sent.oldest, sent.add(0)], [1, 1, undefined, 5_001]);
});
