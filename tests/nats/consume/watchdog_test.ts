import assert from "node:assert/strict";
import { SharedDeliveries } from "../../../runtime/nats/consume/shared_deliveries.ts";
import { Watchdog } from "../../../runtime/nats/consume/watchdog.ts";
import { manualClock } from "../clocks.ts";

/** A stand-in whose main thread ticks only when the test says so, and which looks every second. */
function setup({ limitMs = 30_000 } = {}) {
  const clock = manualClock();
  const table = SharedDeliveries.create(4);
  table.mainMs = clock.now();
  const said: string[] = [];
  let answers = true, connections = 0;
  const line = {
    extend: (handle: string) => void said.push(handle),
    flush: () => answers ? Promise.resolve() : Promise.reject(new Error("disconnected")),
  };
  const connected = () => {
    connections++;
    return Promise.resolve(line);
  };
  const watchdog = new Watchdog(table, connected, limitMs, clock);
  return {
    table,
    clock,
    said,
    connections: () => connections,
    watchdog,
    disconnect: () => void (answers = false),
    /** So many seconds go by; what was said in each. */
    blocked: async (seconds: number) => {
      const turns: number[] = [];
      for (let i = 1; i <= seconds; i++) {
        clock.advance(1_000);
        const before = said.length;
        await watchdog.check();
        if (said.length > before) turns.push(i);
      }
      return turns;
    },
  };
}

Deno.test("while the main thread ticks nothing is said, and there is no connection", async () => {
  const { table, clock, watchdog, said, connections } = setup();
  table.add("a");
  for (let i = 0; i < 60; i++) {
    clock.advance(1_000);
    table.mainMs = clock.now();
    await watchdog.check();
  }
  assert.deepEqual([said, connections()], [[], 0]);
});

Deno.test("three seconds after its last tick all that is held is kept, and every five seconds from then on", async () => {
  const { table, said, blocked } = setup();
  table.add("a");
  table.add("b");
  assert.deepEqual(await blocked(14), [3, 8, 13]);
  assert.deepEqual(said, ["a", "b", "a", "b", "a", "b"]);
  assert.equal(table.lapses, 0);
});

Deno.test("a thread that is blocked for longer than any handler may run hangs: nothing is kept any more", async () => {
  const { table, blocked } = setup({ limitMs: 10_000 });
  table.add("a");
  assert.deepEqual(await blocked(60), [3, 8]);
});

Deno.test("what the server may not have heard does not count as said", async () => {
  const { table, clock, watchdog, disconnect } = setup();
  table.add("a");
  disconnect();
  clock.advance(3_000);
  await assert.rejects(watchdog.check(), /disconnected/);
  assert.equal(table.watchdogMs, 0);
});

Deno.test("a silence of eight seconds is a lapse, whoever should have spoken", async () => {
  const { table, clock, watchdog, blocked } = setup({ limitMs: 60_000 });
  table.add("a");
  assert.deepEqual(await blocked(3), [3]);
  clock.block(9_000); // the process is stopped
  await watchdog.check(); // it cannot know yet whether the main thread is blocked as well
  assert.equal(table.lapses, 0);
  assert.deepEqual(await blocked(1), [1]);
  assert.equal(table.lapses, 1);
});

Deno.test("after the process was stopped, the main thread gets the time to show that it is well", async () => {
  const { table, clock, watchdog, said } = setup();
  table.add("a");
  clock.block(20_000);
  await watchdog.check();
  table.mainMs = clock.now();
  clock.advance(1_000);
  await watchdog.check();
  assert.deepEqual(said, []);
});
