import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { SharedDeliveries } from "../../../runtime/nats/consume/shared_deliveries.ts";
import { SharedLeases } from "../../../runtime/nats/consume/shared_leases.ts";
import { manualClock } from "../../support/clocks.ts";
import { setClock } from "../../support/skewed_date.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function setup(slots = 4, flush?: () => Promise<unknown>) {
  const clock = manualClock();
  const table = SharedDeliveries.create(slots);
  const blocks: [number, boolean][] = [];
  let full = 0, first = 0;
  const leases = new SharedLeases(table, clock, {
    onFirst: () => first++,
    onBlocked: (forMs, lapsed) => void blocks.push([forMs, lapsed]),
    onFull: () => full++,
    flush,
  });
  leases.start();
  return {
    clock,
    table,
    other: new SharedDeliveries(table.memory),
    blocks,
    full: () => full,
    first: () => first,
    leases,
  };
}

/** Resolves at the end of the event-loop tick, when released leases leave the table. */
function tickEnd(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

Deno.test("SharedLeases keeps a lease's newest ack subject in the table until the end of the tick of its release", async () => {
  const { leases, other } = setup();
  const lease = leases.take(bytes("a"));
  assert.deepEqual(other.ackSubjects(), ["a"]);
  lease.renew(bytes("b"));
  assert.deepEqual(other.ackSubjects(), ["b"]);
  lease.release();
  await Promise.resolve();
  assert.deepEqual(other.ackSubjects(), ["b"]); // its ack has not left
  await tickEnd();
  assert.deepEqual(other.ackSubjects(), []);
});

Deno.test("SharedLeases tells of the first delivery when it takes its lease, and of no later one", async () => {
  const { leases, first, other } = setup();
  assert.equal(first(), 0);
  leases.take(bytes("a")).release();
  assert.equal(first(), 1);
  await tickEnd();
  leases.take(bytes("b"));
  assert.deepEqual([first(), other.ackSubjects()], [1, ["b"]]);
});

Deno.test("SharedLeases holds what does not fit the table, and reports it once", async () => {
  const { leases, other, full } = setup(1);
  const held = ["a", "b", "c"].map((handle) => leases.take(bytes(handle)));
  assert.deepEqual([full(), other.ackSubjects(), held[2].isValid()], [1, ["a"], true]);
  held[0].release();
  await tickEnd();
  held[1].renew(bytes("d"));
  assert.deepEqual(other.ackSubjects(), ["d"]);
  for (const lease of held) lease.release();
  await tickEnd();
  assert.deepEqual(other.ackSubjects(), []);
});

Deno.test("SharedLeases keeps a lease while the thread runs, however long", () => {
  const { clock, leases, blocks, table } = setup();
  const lease = leases.take(bytes("a"));
  clock.advance(3_600_000);
  assert.deepEqual([lease.isValid(), blocks], [true, []]);
  assert.ok(clock.now() - table.mainMs < 1_000);
});

Deno.test("SharedLeases has the next handler wait until timers have run after a block", async () => {
  const { clock, leases } = setup();
  const lease = leases.take(bytes("a"));
  clock.block(5_000);
  const mine = lease.isValid();
  assert.ok(mine instanceof Promise);
  clock.advance(50);
  assert.equal(await mine, true);
  assert.equal(lease.isValid(), true);
});

Deno.test("SharedLeases expires all leases held during a long block, and none after it", async () => {
  const { clock, leases, blocks } = setup();
  const before = leases.take(bytes("a"));
  clock.block(8_001);
  const mine = before.isValid();
  clock.advance(50);
  assert.equal(await mine, false);
  assert.deepEqual(blocks, [[8_001, true]]);
  assert.equal(leases.take(bytes("b")).isValid(), true);
  before.renew(bytes("c")); // a redelivery to this process
  assert.equal(before.isValid(), true);
});

Deno.test("SharedLeases gives a delivery an expired lease that was on its way when all leases expired", async () => {
  for (const outcome of ["resolve", "reject"] as const) { // "reject": the connection is lost
    const flushed = Promise.withResolvers<void>();
    const { clock, leases } = setup(4, () => flushed.promise);
    const held = leases.take(bytes("a"));
    clock.block(8_001);
    clock.advance(50);
    const late = leases.take(bytes("b"));
    held.renew(bytes("c"));
    flushed[outcome]();
    await tickEnd();
    assert.deepEqual([late.isValid(), held.isValid(), leases.take(bytes("d")).isValid()], [false, false, true]);
  }
});

Deno.test("SharedLeases keeps leases when the system's clock is set back, and expires them when it shows that the machine slept", () => {
  const { clock, leases, blocks } = setup();
  const lease = leases.take(bytes("a"));
  using _ = setClock(-3_600_000);
  clock.advance(1_000);
  assert.equal(lease.isValid(), true);
  setClock(-3_590_000);
  clock.advance(1_000);
  assert.deepEqual([lease.isValid(), blocks], [false, []]);
});

Deno.test("SharedLeases keeps leases that the watchdog extended during a block", async () => {
  const { clock, leases, other, blocks } = setup();
  const lease = leases.take(bytes("a"));
  clock.block(16_000);
  other.watchdogMs = clock.now();
  clock.block(4_000);
  const mine = lease.isValid();
  clock.advance(50);
  assert.equal(await mine, true);
  assert.deepEqual(blocks, [[20_000, false]]);
});

Deno.test("SharedLeases expires leases after a lapse, though the watchdog extends them again by now", async () => {
  const { clock, leases, other, blocks } = setup();
  const lease = leases.take(bytes("a"));
  clock.block(20_000);
  other.countLapse();
  other.watchdogMs = clock.now();
  const mine = lease.isValid();
  clock.advance(50);
  assert.equal(await mine, false);
  assert.deepEqual(blocks, [[20_000, true]]);
  clock.advance(10_000);
  assert.equal(leases.take(bytes("b")).isValid(), true);
});
