import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { RetryMover } from "../../../runtime/nats/rename/move_retries.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { ConnectionMonitor } from "../../../runtime/nats/client/connection_monitor.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { eventually } from "../../support/eventually.ts";
import { startBroker } from "../../support/nats.ts";

Deno.test("RetryMover moves no delayed retry that comes due while it moves others", async () => {
  await using broker = await startBroker();
  const { jsm, nc } = broker, now = Date.now(), dueMs = now + 1_800_000, count = 70;
  await jsm.streams.add({ name: "RETRIES", subjects: ["retries.>"], allow_direct: true, allow_msg_schedules: true });
  for (let n = 0; n < count; n++) {
    const hdrs = headers();
    hdrs.set("Nats-Schedule", `@at ${new Date(dueMs).toISOString()}`);
    hdrs.set("Nats-Schedule-Target", "retries.due.ship.demo.asked");
    nc.publish(`retries.delayed.ship.${n}`, "{}", { headers: hdrs });
  }
  await eventually(async () => (await jsm.streams.info("RETRIES")).state.messages === count);
  const monitor = new ConnectionMonitor(nc, systemClock, () => Promise.resolve(undefined));
  const publisher = new JetStreamPublisher(nc, systemClock, monitor);
  broker.defer(() => publisher.close());
  const unused = () => Promise.reject(new Error("not used"));
  const mover = new RetryMover(jsm, publisher, { store: unused }, { read: unused }, "ship", "deliver");
  const times = [now, dueMs - 5_000]; // the first window takes half an hour
  const serverNow = () => times.length > 0 ? Promise.resolve(times.shift()!) : Promise.reject(new Error("enough"));
  await assert.rejects(mover.moveAll(serverNow), /^Error: enough$/);
  const { subjects = {} } = (await jsm.streams.info("RETRIES", { subjects_filter: ">" })).state;
  const left = Object.keys(subjects).filter((subject) => subject.startsWith("retries.delayed.ship."));
  assert.deepEqual([mover.count, left.length], [64, 6]);
});
