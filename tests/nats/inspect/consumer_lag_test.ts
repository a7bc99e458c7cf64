import { headers } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { LagReader } from "../../../runtime/nats/inspect/consumer_lag.ts";
import { PullConsumer } from "../../../runtime/nats/consume/pull_consumer.ts";
import { ensureTopology } from "../../../runtime/nats/topology/ensure_topology.ts";
import type { Broker } from "../../support/nats.ts";
import { startBroker } from "../../support/nats.ts";
import { desired } from "../../support/desired.ts";
import { eventually } from "../../support/eventually.ts";
import { setClock } from "../../support/skewed_date.ts";
import { HoldingSink } from "../../support/sinks.ts";
import { ackSubjectText } from "../../../runtime/nats/consume/parse_delivery.ts";

const STREAM = { name: "ORDERS", subjects: ["orders.>"] };
const retries = (functionName: string) => ({
  functionName,
  consumer: functionName,
  stream: "RETRIES",
  filters: [`retries.due.${functionName}.>`, `retries.redriven.${functionName}.>`],
});
const DURABLES = [
  { functionName: "pay", consumer: "pay", stream: "ORDERS", filters: ["orders.created", "orders.paid"] },
  retries("pay"),
  { functionName: "ship", consumer: "ship", stream: "ORDERS", filters: ["orders.shipped"] },
  retries("ship"),
];

async function setup(): Promise<Broker & { reader: LagReader; asked: (what: string) => Promise<number> }> {
  const broker = await startBroker();
  await ensureTopology(broker.jsm, desired([STREAM], DURABLES));
  const asked = new Map<string, number>();
  for (const what of ["CONSUMER.INFO", "STREAM.MSG.GET", "DIRECT.GET"]) {
    broker.nc.subscribe(`$JS.API.${what}.>`, { callback: () => void asked.set(what, (asked.get(what) ?? 0) + 1) });
  }
  const reader = new LagReader(broker.nc, broker.jsm, DURABLES, systemClock);
  return { ...broker, reader, asked: async (what) => (await broker.nc.flush(), asked.get(what) ?? 0) };
}

const NOTHING = { pending: 0, ackPending: 0, oldestWaitingMs: 0, delayedRetries: 0, deadLetters: 0 };

/** Pulls the deliveries of a function and holds them. */
function hold({ nc, defer }: Broker, functionName: string): HoldingSink {
  const sink = new HoldingSink(100);
  const source = new PullConsumer(nc, "ORDERS", functionName, systemClock);
  source.start(sink);
  defer(() => source.stop());
  return sink;
}

Deno.test("LagReader reads zeros for functions without events, and requests no messages", async () => {
  await using broker = await setup();
  assert.deepEqual(await broker.reader.read(0), new Map([["pay", NOTHING], ["ship", NOTHING]]));
  assert.equal(await broker.asked("STREAM.MSG.GET"), 0);
  assert.equal(await broker.asked("DIRECT.GET"), 0);
});

Deno.test("LagReader reads on after the system's clock was set back, and tells the age by the server's clock", async () => {
  await using broker = await setup();
  const { nc, reader } = broker;
  await reader.read(0);
  using _ = setClock(-3_600_000);
  await nc.request("orders.created", "{}");
  const { pending, oldestWaitingMs } = (await reader.read(0)).get("pay")!;
  assert.equal(pending, 1);
  assert.ok(oldestWaitingMs! < 60_000, `the event is ${oldestWaitingMs} ms old`);
});

Deno.test("LagReader reads the age of the first unsettled event that matches the function's filters", async () => {
  await using broker = await setup();
  const { nc, jsm, reader } = broker;
  for (const subject of ["orders.shipped", "orders.other", "orders.created", "orders.paid", "orders.created"]) {
    await nc.request(subject, "{}");
  }
  const ageOf = async (seq: number) => Date.now() - (await jsm.streams.getMessage("ORDERS", { seq }))!.time.getTime();
  const oldestOf = async (name: string) => {
    const { oldestWaitingMs, ...lag } = (await reader.read(0)).get(name)!;
    return { lag, oldestWaitingMs: oldestWaitingMs! };
  };
  /** Asserts that the lag is the age of a message: between the ages before and after the read, on the same clock. */
  const isAge = async (name: string, seq: number) => {
    const before = await ageOf(seq), { lag, oldestWaitingMs } = await oldestOf(name), after = await ageOf(seq);
    assert.ok(oldestWaitingMs >= before - 1 && oldestWaitingMs <= after + 1, `${before} ${oldestWaitingMs} ${after}`);
    return lag;
  };
  assert.deepEqual(await isAge("pay", 3), { pending: 3, ackPending: 0, delayedRetries: 0, deadLetters: 0 });
  assert.deepEqual(await isAge("ship", 1), { pending: 1, ackPending: 0, delayedRetries: 0, deadLetters: 0 });

  const sink = hold(broker, "pay");
  await sink.holds(3);
  assert.deepEqual(await isAge("pay", 3), { pending: 0, ackPending: 3, delayedRetries: 0, deadLetters: 0 });
  nc.publish(ackSubjectText(sink.held[1].ackSubject), "+ACK"); // acks the second; the first stays unsettled
  await eventually(async () => (await oldestOf("pay")).lag.ackPending === 2);
  await isAge("pay", 3);
  nc.publish(ackSubjectText(sink.held[0].ackSubject), "+ACK");
  await eventually(async () => (await oldestOf("pay")).lag.ackPending === 1);
  await isAge("pay", 5);
  nc.publish(ackSubjectText(sink.held[2].ackSubject), "+ACK");
  await eventually(async () => (await oldestOf("pay")).oldestWaitingMs === 0);
});

Deno.test("LagReader counts due and redriven events as pending, delayed retries apart, and dead letters without chunks", async () => {
  await using broker = await setup();
  const { nc, reader } = broker;
  for (let n = 0; n < 3; n++) {
    const hdrs = headers();
    hdrs.set("Nats-Schedule", "@at 2099-01-01T00:00:00Z");
    hdrs.set("Nats-Schedule-Target", "retries.due.pay.orders.paid");
    await nc.request(`retries.delayed.pay.ORDERS-${n}-0`, "{}", { headers: hdrs, timeout: 2_000 });
  }
  await nc.request("dead_letters.pay.orders.paid", "{}");
  await nc.request("dead_letters._payload.pay.ORDERS.1.0.0", "{}");
  const before = (await reader.read(0)).get("pay");
  assert.deepEqual(before, { pending: 0, ackPending: 0, oldestWaitingMs: 0, delayedRetries: 3, deadLetters: 1 });

  const sinceMs = Date.now();
  await nc.request("retries.due.pay.orders.paid", "{}");
  await nc.request("retries.redriven.pay.1.orders.paid", "{}");
  await eventually(async () => (await reader.read(0)).get("pay")!.pending === 2); // counted a little after it is stored
  const { oldestWaitingMs, ...lag } = (await reader.read(0)).get("pay")!;
  assert.deepEqual(lag, { pending: 2, ackPending: 0, delayedRetries: 3, deadLetters: 1 });
  assert.ok(oldestWaitingMs! <= Date.now() - sinceMs);
  assert.deepEqual((await reader.read(0)).get("ship"), NOTHING);
});

Deno.test("LagReader sends one round of requests in five seconds, and only for what has changed", async () => {
  await using broker = await setup();
  const { nc, reader, asked } = broker;
  await nc.request("orders.created", "{}");
  await nc.request("dead_letters.pay.orders.paid", "{}");
  await Promise.all(Array.from({ length: 20 }, () => reader.read()));
  assert.deepEqual((await reader.read()).get("pay")?.pending, 1);
  const once = [await asked("CONSUMER.INFO"), await asked("STREAM.MSG.GET"), await asked("DIRECT.GET")];
  assert.deepEqual(once, [4, 2, 2]); // four consumers, two filters of the one that is behind, two functions
  await reader.read(0); // not from the cache
  const twice = [await asked("CONSUMER.INFO"), await asked("STREAM.MSG.GET"), await asked("DIRECT.GET")];
  assert.deepEqual(twice, [8, 2, 2]);
});

Deno.test("LagReader returns the last values at its timeout, and none once they are stale", async () => {
  await using broker = await setup();
  let aheadMs = 0, timeOut = () => {};
  const clock = {
    ...systemClock,
    now: () => Date.now() + aheadMs,
    timer: (delayMs: number, callback: () => void) => {
      assert.equal(delayMs, 2_000);
      timeOut = callback;
      return () => {};
    },
  };
  const reader = new LagReader(broker.nc, broker.jsm, DURABLES, clock);
  await reader.read(0);
  Deno.kill(broker.server.pid, "SIGSTOP");
  try {
    const reading = reader.read(0);
    timeOut();
    assert.equal((await reading).size, 2);
    aheadMs = 20_000;
    const readingLater = reader.read();
    timeOut();
    assert.equal((await readingLater).size, 0);
  } finally {
    Deno.kill(broker.server.pid, "SIGCONT");
  }
  await eventually(async () => (await reader.read(0)).size === 2);
});

Deno.test("LagReader reads undefined for a function whose consumer was deleted", async () => {
  await using broker = await setup();
  await broker.jsm.consumers.delete("ORDERS", "pay");
  const lags = await broker.reader.read(0);
  assert.deepEqual(lags.get("pay"), { delayedRetries: 0, deadLetters: 0 });
  assert.deepEqual(lags.get("ship"), NOTHING);
});
