import assert from "node:assert/strict";
import { SharedDeliveries } from "../../../runtime/nats/consume/shared_deliveries.ts";
import { SharedLeases } from "../../../runtime/nats/consume/shared_leases.ts";
import { manualClock } from "../clocks.ts";

function setup(slots = 4) {
  const clock = manualClock();
  const table = SharedDeliveries.create(slots);
  const blocks: [number, boolean][] = [];
  let full = 0;
  const leases = new SharedLeases(table, clock, {
    blocked: (forMs, lapsed) => void blocks.push([forMs, lapsed]),
    full: () => full++,
  });
  leases.start();
  return { clock, table, other: SharedDeliveries.open(table.memory), blocks, full: () => full, leases };
}

Deno.test("a lease is in the table from its beginning to its end, under its newest name", () => {
  const { leases, other } = setup();
  const lease = leases.hold("a");
  assert.deepEqual(other.ackSubjects(), ["a"]);
  lease.renew("b");
  assert.deepEqual(other.ackSubjects(), ["b"]);
  lease.release();
  assert.deepEqual(other.ackSubjects(), []);
});

Deno.test("what does not fit is held all the same, and said once", () => {
  const { leases, other, full } = setup(1);
  const held = ["a", "b", "c"].map((handle) => leases.hold(handle));
  assert.deepEqual([full(), other.ackSubjects(), held[2].mine()], [1, ["a"], true]);
  held[0].release();
  held[1].renew("d");
  assert.deepEqual(other.ackSubjects(), ["d"]);
  for (const lease of held) lease.release();
  assert.deepEqual(other.ackSubjects(), []);
});

Deno.test("while the thread ticks, what is held is ours for as long as it takes", () => {
  const { clock, leases, blocks, table } = setup();
  const lease = leases.hold("a");
  clock.advance(3_600_000);
  assert.deepEqual([lease.mine(), blocks], [true, []]);
  assert.ok(clock.now() - table.mainMs < 1_000);
});

Deno.test("after a block the next handler waits until the thread's timers have run", async () => {
  const { clock, leases } = setup();
  const lease = leases.hold("a");
  clock.block(5_000);
  const mine = lease.mine();
  assert.ok(mine instanceof Promise);
  clock.advance(50);
  assert.equal(await mine, true);
  assert.equal(lease.mine(), true);
});

Deno.test("of what was held before a long silence nothing is ours; what comes after it is", async () => {
  const { clock, leases, blocks } = setup();
  const before = leases.hold("a");
  clock.block(8_001);
  const mine = before.mine();
  clock.advance(50);
  assert.equal(await mine, false);
  assert.deepEqual(blocks, [[8_001, true]]);
  assert.equal(leases.hold("b").mine(), true);
  before.renew("c"); // the server has handed it to us once more
  assert.equal(before.mine(), true);
});

Deno.test("what the stand-in kept during a block is still ours", async () => {
  const { clock, leases, other, blocks } = setup();
  const lease = leases.hold("a");
  clock.block(16_000);
  other.watchdogMs = clock.now();
  clock.block(4_000);
  const mine = lease.mine();
  clock.advance(50);
  assert.equal(await mine, true);
  assert.deepEqual(blocks, [[20_000, false]]);
});

Deno.test("what the stand-in could not keep all the time is not ours, though it speaks again by now", async () => {
  const { clock, leases, other, blocks } = setup();
  const lease = leases.hold("a");
  clock.block(20_000);
  other.countLapse();
  other.watchdogMs = clock.now();
  const mine = lease.mine();
  clock.advance(50);
  assert.equal(await mine, false);
  assert.deepEqual(blocks, [[20_000, true]]);
  clock.advance(10_000);
  assert.equal(leases.hold("b").mine(), true);
});
