import assert from "node:assert/strict";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { RetryMover } from "../../../runtime/nats/rename/move_retries.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { ConnectionMonitor } from "../../../runtime/nats/client/connection_monitor.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { eventually } from "../../support/eventually.ts";
import { delivery } from "../../support/deliveries.ts";
import { startBroker } from "../../support/nats.ts";

/** A stream RETRIES in which `ship` has delayed some events, and movers of them to `deliver`. */
async function setup(count: number, dueMs: number) {
  const broker = await startBroker(), { jsm, nc } = broker;
  await jsm.streams.add({ name: "RETRIES", subjects: ["retries.>"], allow_direct: true, allow_msg_schedules: true });
  for (let n = 0; n < count; n++) {
    const hdrs = headers();
    hdrs.set("Nats-Schedule", `@at ${new Date(dueMs).toISOString()}`);
    hdrs.set("Nats-Schedule-Target", "retries.due.ship.demo.asked");
    nc.publish(`retries.delayed.ship.${n}`, "{}", { headers: hdrs });
  }
  await eventually(async () => (await jsm.streams.info("RETRIES")).state.messages === count);
  const publisher = new JetStreamPublisher(
    nc,
    systemClock,
    new ConnectionMonitor(nc, systemClock, () => Promise.resolve(undefined)),
  );
  broker.defer(() => publisher.close());
  const unused = () => Promise.reject(new Error("not used")), unknown = () => Promise.resolve(undefined);
  const mover = (by: Pick<JetStreamPublisher, "publish"> = publisher) =>
    new RetryMover(
      jsm,
      by as JetStreamPublisher,
      { store: unused },
      { read: unknown },
      "ship",
      "deliver",
      NO_NAMESPACE,
    );
  const subjects = async () => {
    const { state } = await jsm.streams.info("RETRIES", { subjects_filter: ">" });
    return Object.entries(state.subjects ?? {}).map(([subject, messages]) => ({ subject, messages }));
  };
  return { jsm, publisher, mover, subjects, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}

Deno.test("RetryMover moves no delayed retry that comes due while it moves others", async () => {
  const now = Date.now(), dueMs = now + 1_800_000;
  await using all = await setup(70, dueMs);
  await eventually(async () => (await all.subjects()).length === 70);
  const times = [now, dueMs - 5_000]; // the first window takes half an hour
  const serverNow = () => times.length > 0 ? Promise.resolve(times.shift()!) : Promise.reject(new Error("enough"));
  const mover = all.mover();
  await assert.rejects(mover.moveAll(serverNow), /^Error: enough$/);
  const left = (await all.subjects()).filter(({ subject }) => subject.startsWith("retries.delayed.ship."));
  assert.deepEqual([mover.count, left.length], [64, 6]);
});

Deno.test("RetryMover knows a retry that it moved before an interruption, and that came due on both sides", async () => {
  const dueMs = Date.now() + 3_000;
  await using all = await setup(1, dueMs);
  const publish: JetStreamPublisher["publish"] = async (...message) => {
    await all.publisher.publish(...message);
    throw new Error("interrupted"); // after it is stored, and before it is removed
  };
  const serverNow = () => Promise.resolve(dueMs - 3_600_000);
  await assert.rejects(all.mover({ publish }).moveAll(serverNow), /^Error: interrupted$/);
  const deliver = { subject: "retries.due.deliver.demo.asked", messages: 1 };
  const ship = { subject: "retries.due.ship.demo.asked", messages: 1 };
  const bySubject = async () => (await all.subjects()).sort((a, b) => a.subject < b.subject ? -1 : 1);
  await eventually(async () => JSON.stringify(await bySubject()) === JSON.stringify([deliver, ship]));
  const mover = all.mover();
  await mover.start();
  await mover.moveAll(serverNow);
  assert.deepEqual([mover.count, await all.subjects()], [0, [deliver]]);
});

for (
  const [what, history, counts, unended, deaths] of [
    ["from the counts of its message", {}, { begun: 2, deaths: 2, isUnended: true }, "true", "2"],
    ["from an earlier release", {}, { begun: 2, isUnended: true }, "true", "1"],
    ["from its history, if its message has none", { isUnended: true, deaths: 3 }, undefined, "true", "3"],
    ["no more once an attempt has ended", { isUnended: true, deaths: 3 }, { begun: 1 }, "", ""],
  ] as const
) {
  Deno.test(`RetryMover.carry takes along how often in a row the process of an event died: ${what}`, async () => {
    const stored: MsgHdrs[] = [], unused = () => Promise.reject(new Error("not used"));
    const publish = (_subject: string, _payload: Uint8Array, hdrs: MsgHdrs) => {
      stored.push(hdrs);
      return Promise.resolve({ stream: "RETRIES", sequence: 1, duplicate: false });
    };
    const read = () => Promise.resolve(counts && { excused: 0, mayHaveEmitted: true, ...counts });
    const none = undefined as never;
    const mover = new RetryMover(none, { publish }, { store: unused }, { read }, "ship", "deliver", NO_NAMESPACE);
    const carried = delivery();
    await mover.carry({ ...carried, history: { ...carried.history, ...history } }, "ORDERS.42");
    assert.deepEqual(stored.map((hdrs) => [hdrs.get("weir-unended"), hdrs.get("weir-deaths")]), [[unended, deaths]]);
  });
}

Deno.test("RetryMover keeps the key of an event that returns to a parked key", async () => {
  await using all = await setup(0, Date.now());
  const hdrs = headers();
  for (
    const [name, value] of Object.entries({ "weir-dead-letter": "7", "weir-order-key": "a", "weir-stream": "DEMO" })
  ) {
    hdrs.set(name, value);
  }
  await all.publisher.publish("retries.redriven.ship.7.demo.asked", new Uint8Array(), hdrs);
  await all.jsm.streams.add({ name: "DEAD_LETTERS", subjects: ["dead_letters.>"], allow_direct: true });
  await all.mover().moveAll(() => Promise.resolve(Date.now()));
  const moved = await all.jsm.streams.getMessage("RETRIES", { last_by_subj: "retries.redriven.deliver.7.demo.asked" });
  assert.deepEqual([moved?.header.get("weir-order-key"), moved?.header.get("weir-dead-letter")], ["a", "7"]);
});
