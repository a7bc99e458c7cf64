import assert from "node:assert/strict";
import { SharedDeliveries } from "../../../runtime/nats/consume/shared_deliveries.ts";
import { Watchdog } from "../../../runtime/nats/consume/watchdog.ts";
import { manualClock } from "../../support/clocks.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A watchdog that checks every second. The main thread has a heartbeat only when the test writes one. */
function setup({ limitMs = 30_000 } = {}) {
  const clock = manualClock();
  const table = SharedDeliveries.create(4);
  table.mainMs = clock.now();
  const extended: string[] = [];
  let answers = true, connections = 0;
  const connection = {
    extend: (ackSubject: string) => void extended.push(ackSubject),
    flush: () => answers ? Promise.resolve() : Promise.reject(new Error("disconnected")),
  };
  const connect = () => {
    connections++;
    return Promise.resolve(connection);
  };
  const watchdog = new Watchdog(table, connect, limitMs, clock);
  return {
    table,
    clock,
    extended,
    connections: () => connections,
    watchdog,
    disconnect: () => void (answers = false),
    /** Moves the clock on by some seconds. Returns those in which the watchdog extended. */
    blocked: async (count: number) => {
      const seconds: number[] = [];
      for (let i = 1; i <= count; i++) {
        clock.advance(1_000);
        const before = extended.length;
        await watchdog.check();
        if (extended.length > before) seconds.push(i);
      }
      return seconds;
    },
  };
}

Deno.test("Watchdog neither connects nor extends while the main thread runs", async () => {
  const { table, clock, watchdog, extended, connections } = setup();
  table.add(bytes("a"));
  for (let i = 0; i < 60; i++) {
    clock.advance(1_000);
    table.mainMs = clock.now();
    await watchdog.check();
  }
  assert.deepEqual([extended, connections()], [[], 0]);
});

Deno.test("Watchdog extends everything three seconds after the last heartbeat, and every five seconds from then on", async () => {
  const { table, extended, blocked } = setup();
  table.add(bytes("a"));
  table.add(bytes("b"));
  assert.deepEqual(await blocked(14), [3, 8, 13]);
  assert.deepEqual(extended, ["a", "b", "a", "b", "a", "b"]);
  assert.equal(table.lapses, 0);
});

Deno.test("Watchdog stops extending once the thread is blocked for longer than any handler may run", async () => {
  const { table, blocked } = setup({ limitMs: 10_000 });
  table.add(bytes("a"));
  assert.deepEqual(await blocked(60), [3, 8]);
});

Deno.test("Watchdog does not count in-progress acks that the server did not confirm", async () => {
  const { table, clock, watchdog, disconnect } = setup();
  table.add(bytes("a"));
  disconnect();
  clock.advance(3_000);
  await assert.rejects(watchdog.check(), /disconnected/);
  assert.equal(table.watchdogMs, 0);
});

Deno.test("Watchdog counts a lapse after eight seconds of silence, also of its own", async () => {
  const { table, clock, watchdog, blocked } = setup({ limitMs: 60_000 });
  table.add(bytes("a"));
  assert.deepEqual(await blocked(3), [3]);
  clock.block(9_000); // the process is stopped
  await watchdog.check(); // it cannot know yet whether the main thread is blocked as well
  assert.equal(table.lapses, 0);
  assert.deepEqual(await blocked(1), [1]);
  assert.equal(table.lapses, 1);
});

Deno.test("Watchdog gives the main thread a second after the process was stopped", async () => {
  const { table, clock, watchdog, extended } = setup();
  table.add(bytes("a"));
  clock.block(20_000);
  await watchdog.check();
  table.mainMs = clock.now();
  clock.advance(1_000);
  await watchdog.check();
  assert.deepEqual(extended, []);
});

Deno.test("Watchdog names the functions that hold deliveries, once for each time that the main thread is blocked", async () => {
  const reports: (readonly string[])[] = [], clock = manualClock(), table = SharedDeliveries.create(4);
  const connection = { extend: () => {}, flush: () => Promise.resolve() };
  const onBlocked = (_forMs: number, names: readonly string[]) => reports.push(names);
  const watchdog = new Watchdog(table, () => Promise.resolve(connection), 60_000, clock, onBlocked);
  const seconds = async (count: number, blocked: boolean) => {
    for (let i = 0; i < count; i++) {
      clock.advance(1_000);
      if (!blocked) table.mainMs = clock.now();
      await watchdog.check();
    }
  };
  table.mainMs = clock.now();
  table.add(bytes("$JS.ACK.ORDERS.ship.1.7.7.1700000000000000000.0"));
  table.add(bytes("$JS.ACK.hub.ACCOUNT.RETRIES.bill.1.7.7.1700000000000000000.0.token"));
  table.add(bytes("$JS.ACK.STOCK.ship.2.9.9.1700000000000000000.0"));
  await seconds(2, true);
  assert.deepEqual(reports, []);
  await seconds(20, true);
  assert.deepEqual(reports, [["bill", "ship"]]);
  await seconds(1, false);
  await seconds(3, true);
  assert.equal(reports.length, 2);
});
