import assert from "node:assert/strict";
import { SharedDeliveries } from "../../../runtime/nats/consume/shared_deliveries.ts";
import { SharedLeases } from "../../../runtime/nats/consume/leases.ts";
import { manualClock } from "../../support/clocks.ts";

function setup(slots = 4) {
  const clock = manualClock();
  const table = SharedDeliveries.create(slots);
  const blocks: [number, boolean][] = [];
  let full = 0;
  const keepAlive = new SharedLeases(table, clock, {
    blocked: (forMs, lapsed) => void blocks.push([forMs, lapsed]),
    full: () => full++,
  });
  keepAlive.start();
  return { clock, table, other: SharedDeliveries.open(table.memory), blocks, full: () => full, keepAlive };
}

Deno.test("a lease is in the table from its beginning to its end, under its newest name", () => {
  const { keepAlive, other } = setup();
  const lease = keepAlive.hold("a");
  assert.deepEqual(other.handles(), ["a"]);
  lease.renew("b");
  assert.deepEqual(other.handles(), ["b"]);
  lease.release();
  assert.deepEqual(other.handles(), []);
});

Deno.test("what does not fit is held all the same, and said once", () => {
  const { keepAlive, other, full } = setup(1);
  const leases = ["a", "b", "c"].map((handle) => keepAlive.hold(handle));
  assert.deepEqual([full(), other.handles(), leases[2].isValid()], [1, ["a"], true]);
  leases[0].release();
  leases[1].renew("d");
  assert.deepEqual(other.handles(), ["d"]);
  for (const lease of leases) lease.release();
  assert.deepEqual(other.handles(), []);
});

Deno.test("while the thread ticks, what is held is ours for as long as it takes", () => {
  const { clock, keepAlive, blocks, table } = setup();
  const lease = keepAlive.hold("a");
  clock.advance(3_600_000);
  assert.deepEqual([lease.isValid(), blocks], [true, []]);
  assert.ok(clock.now() - table.mainMs < 1_000);
});

Deno.test("after a block the next handler waits until the thread's timers have run", async () => {
  const { clock, keepAlive } = setup();
  const lease = keepAlive.hold("a");
  clock.block(5_000);
  const mine = lease.isValid();
  assert.ok(mine instanceof Promise);
  clock.advance(50);
  assert.equal(await mine, true);
  assert.equal(lease.isValid(), true);
});

Deno.test("of what was held before a long silence nothing is ours; what comes after it is", async () => {
  const { clock, keepAlive, blocks } = setup();
  const before = keepAlive.hold("a");
  clock.block(8_001);
  const mine = before.isValid();
  clock.advance(50);
  assert.equal(await mine, false);
  assert.deepEqual(blocks, [[8_001, true]]);
  assert.equal(keepAlive.hold("b").isValid(), true);
  before.renew("c"); // the server has handed it to us once more
  assert.equal(before.isValid(), true);
});

Deno.test("what the stand-in kept during a block is still ours", async () => {
  const { clock, keepAlive, other, blocks } = setup();
  const lease = keepAlive.hold("a");
  clock.block(16_000);
  other.standInMs = clock.now();
  clock.block(4_000);
  const mine = lease.isValid();
  clock.advance(50);
  assert.equal(await mine, true);
  assert.deepEqual(blocks, [[20_000, false]]);
});

Deno.test("what the stand-in could not keep all the time is not ours, though it speaks again by now", async () => {
  const { clock, keepAlive, other, blocks } = setup();
  const lease = keepAlive.hold("a");
  clock.block(20_000);
  other.lapsed();
  other.standInMs = clock.now();
  const mine = lease.isValid();
  clock.advance(50);
  assert.equal(await mine, false);
  assert.deepEqual(blocks, [[20_000, true]]);
  clock.advance(10_000);
  assert.equal(keepAlive.hold("b").isValid(), true);
});
