import assert from "node:assert/strict";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { DeliverPolicy } from "@nats-io/jetstream";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { PassedEvents } from "../../../runtime/nats/consume/passed_events.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { RetryStream } from "../../../runtime/nats/retry/retry_stream.ts";
import { scaledClock, watchedClock } from "../../support/clocks.ts";
import { eventually } from "../../support/eventually.ts";
import { DESIRED, type Planning, SHIP, SHIP_RETRIES, startPlanning } from "../../support/planning.ts";

const WIDE = { ...SHIP, filters: ["orders.paid", "orders.lost"] };
const DESIRED_WIDE = { ...DESIRED, durables: [WIDE, SHIP_RETRIES] };
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** Creates `ship` with two triggers, with events that it has handled, and records its position. */
async function setup(broker: Planning) {
  await broker.ensure(DESIRED_WIDE);
  const publisher = new JetStreamPublisher(broker.nc, systemClock);
  broker.defer(() => publisher.close());
  const passed = [1, 2].map(() => new PassedEvents(broker.jsm, new RetryStream(publisher), log, systemClock)); // of two replicas
  await broker.store("orders.lost");
  await broker.take("ORDERS", "ship", 1, 1);
  await eventually(async () => (await broker.jsm.consumers.info("ORDERS", "ship")).ack_floor.stream_seq === 1);
  for (const one of passed) one.record(WIDE, await broker.jsm.consumers.info("ORDERS", "ship"));
  await broker.jsm.consumers.update("ORDERS", "ship", { filter_subjects: ["orders.paid"] });
  return async () => {
    const info = await broker.jsm.consumers.update("ORDERS", "ship", { filter_subjects: [...WIDE.filters] });
    await Promise.all(passed.map((one) => one.bringBack(WIDE, ["orders.paid"], info)));
  };
}

/** Returns the sequences of the original events that are in RETRIES, and of those that the consumer still delivers. */
async function everyEvent(broker: Planning): Promise<{ back: number[]; ahead: number[] }> {
  const retries = (await broker.jsm.streams.info("RETRIES")).state, back: number[] = [];
  for (let seq = retries.first_seq; seq <= retries.last_seq && retries.messages > 0; seq++) {
    const message = await broker.jsm.streams.getMessage("RETRIES", { seq });
    if (message) back.push(Number(message.header.get("weir-sequence")));
  }
  const { num_pending } = await broker.jsm.consumers.info("ORDERS", "ship");
  const ahead = num_pending > 0 ? await broker.take("ORDERS", "ship", num_pending, num_pending) : [];
  return { back, ahead };
}

Deno.test("[G7] PassedEvents brings back once what a consumer passed, and not what is ahead of it", async () => {
  await using broker = await startPlanning();
  const widen = await setup(broker);
  await broker.store("orders.lost", 3); // 2 to 4
  await broker.store("orders.paid"); // 5
  assert.deepEqual(await broker.take("ORDERS", "ship", 1, 1), [5]); // 2 to 4 are behind now
  await broker.store("orders.lost", 2); // 6, 7
  await widen();
  const { back, ahead } = await everyEvent(broker);
  assert.deepEqual(back.filter((seq) => seq < 6), [2, 3, 4]);
  assert.deepEqual([...back, ...ahead].toSorted(), [2, 3, 4, 6, 7]);
});

Deno.test("PassedEvents brings nothing back that a consumer has not passed", async () => {
  await using broker = await startPlanning();
  const widen = await setup(broker);
  await broker.store("orders.lost", 3);
  await widen();
  const { back, ahead } = await everyEvent(broker);
  assert.deepEqual([...back, ...ahead].toSorted(), [2, 3, 4]);
});

Deno.test("PassedEvents leaves the older events of a trigger that is new", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.store("orders.lost", 3);
  const passed = new PassedEvents(
    broker.jsm,
    new RetryStream(new JetStreamPublisher(broker.nc, systemClock)),
    log,
    systemClock,
  );
  passed.record(WIDE, await broker.jsm.consumers.info("ORDERS", "ship"));
  const info = await broker.jsm.consumers.update("ORDERS", "ship", { filter_subjects: [...WIDE.filters] });
  await passed.bringBack(WIDE, ["orders.paid"], info);
  assert.deepEqual((await everyEvent(broker)).back, []);
});

Deno.test("PassedEvents tries again until the events are stored, and no more once it is stopped", async () => {
  await using broker = await startPlanning();
  await broker.ensure(DESIRED_WIDE);
  const clock = watchedClock(scaledClock(50));
  let tries = 0;
  const bringBack = () => {
    if (++tries < 3) throw new Error("no answer");
    return Promise.resolve({ stream: "RETRIES", sequence: 1, duplicate: false });
  };
  const passed = new PassedEvents(broker.jsm, { bringBack, names: NO_NAMESPACE }, log, clock);
  passed.record(WIDE, await broker.jsm.consumers.info("ORDERS", "ship"));
  await broker.store("orders.lost");
  const later = { ...await broker.jsm.consumers.info("ORDERS", "ship"), num_pending: 0 };
  await passed.bringBack(WIDE, ["orders.paid"], later);
  assert.equal(tries, 3);
  tries = -10;
  const trying = passed.bringBack(WIDE, ["orders.paid"], later);
  await clock.timerSet(5_000);
  passed.stop();
  await trying;
});

for (
  const [what, streamCreated, back] of [["of the same stream", "then", [3, 4]], ["of an earlier stream", "now", [
    1,
    2,
    3,
    4,
  ]]] as const
) {
  Deno.test(`[G7] PassedEvents brings back what a replaced consumer skips, from a position ${what}`, async () => {
    await using broker = await startPlanning();
    await broker.ensure();
    const { consumers } = broker.jsm, publisher = new JetStreamPublisher(broker.nc, systemClock);
    broker.defer(() => publisher.close());
    const passed = new PassedEvents(broker.jsm, new RetryStream(publisher), log, systemClock);
    await broker.store("orders.paid", 4);
    await broker.take("ORDERS", "ship", 2, 2);
    await eventually(async () => (await consumers.info("ORDERS", "ship")).ack_floor.stream_seq === 2);
    const before = await consumers.info("ORDERS", "ship");
    passed.record(SHIP, before, "then");
    assert.equal(passed.isReplaced(SHIP, before), false);
    await consumers.delete("ORDERS", "ship");
    const { durable_name, filter_subjects, ack_policy } = before.config;
    const replaced = { durable_name, filter_subjects, ack_policy, deliver_policy: DeliverPolicy.New };
    const info = await consumers.add("ORDERS", replaced);
    // An event that is stored within the same millisecond may be brought back although the new consumer delivers it.
    await eventually(() => Date.now() > Date.parse(info.created));
    await broker.store("orders.paid", 1);
    assert.equal(passed.isReplaced(SHIP, info), true);
    await passed.bringBackSkipped(SHIP, info, streamCreated);
    assert.deepEqual(await everyEvent(broker), { back: [...back], ahead: [5] });
  });
}
