import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { LateDedup } from "../../../runtime/nats/publish/late_dedup.ts";
import { eventually } from "../../support/eventually.ts";
import { startBroker } from "../../support/nats.ts";
import { scaledClock } from "../../support/clocks.ts";

const MINUTE_MS = 60_000;

/** A stream that remembers ids for a hundred milliseconds, so that every repeat of a test comes late. */
async function setup(windowMs = 100) {
  const broker = await startBroker();
  await broker.jsm.streams.add({ name: "STOCK", subjects: ["stock.>"], duplicate_window: windowMs * 1e6 });
  const store = new JetStreamPublisher(broker.nc, systemClock);
  broker.defer(() => store.close());
  const publish = (id: string, subject = "stock.reserved") => {
    const hdrs = headers();
    hdrs.set("Nats-Msg-Id", id);
    return store.publish(subject, new TextEncoder().encode("{}"), hdrs);
  };
  return { ...broker, publish, late: new LateDedup(broker.nc, broker.jsm, systemClock) };
}

Deno.test("[G10] LateDedup finds a message whose id is no longer in the duplicate window", async () => {
  await using nats = await setup();
  const sinceMs = Date.now() - MINUTE_MS;
  for (let i = 0; i < 20; i++) await nats.publish(`m${i}`);
  assert.deepEqual(await nats.late.find("stock.reserved", "m7", sinceMs), {
    stream: "STOCK",
    sequence: 8,
    duplicate: true,
  });
  assert.equal(await nats.late.find("stock.reserved", "m99", sinceMs), undefined);
});

Deno.test("LateDedup finds only messages of the subject, stored since the given time", async () => {
  await using nats = await setup();
  await nats.publish("m1", "stock.released");
  const sinceMs = Date.now() - MINUTE_MS;
  assert.equal(await nats.late.find("stock.reserved", "m1", sinceMs), undefined);
  const { sequence } = await nats.publish("m2");
  const { time } = (await nats.jsm.streams.getMessage("STOCK", { seq: sequence }))!;
  const afterMs = time.getTime() + 1;
  await eventually(() => Date.now() > afterMs + 100); // half the duplicate window has passed
  assert.equal(await nats.late.find("stock.reserved", "m2", afterMs), undefined);
  assert.equal((await nats.late.find("stock.reserved", "m2", afterMs - 2))?.sequence, sequence);
});

Deno.test("LateDedup does not search within the duplicate window", async () => {
  await using nats = await setup(MINUTE_MS);
  await nats.publish("m1");
  assert.equal(await nats.late.find("stock.reserved", "m1", Date.now() - 1_000), undefined);
  assert.ok((await nats.publish("m1")).duplicate);
});

Deno.test("LateDedup serves concurrent searches with one scan, each with its own result", async () => {
  await using nats = await setup();
  const sinceMs = Date.now() - MINUTE_MS;
  await Promise.all(Array.from({ length: 1_200 }, (_, i) => nats.publish(`m${i}`)));
  const ids = Array.from({ length: 200 }, (_, i) => `m${i * 8}`);
  const found = await Promise.all(ids.map((id) => nats.late.find("stock.reserved", id, sinceMs)));
  for (const [i, one] of found.entries()) {
    const stored = i * 8 < 1_200;
    assert.equal(one !== undefined, stored, ids[i]);
    if (!one) continue;
    const message = await nats.jsm.streams.getMessage("STOCK", { seq: one.sequence });
    assert.equal(message!.header.get("Nats-Msg-Id"), ids[i]);
  }
  const same = await Promise.all([1, 2, 3].map(() => nats.late.find("stock.reserved", "m3", sinceMs)));
  assert.deepEqual(same.map((one) => one?.duplicate), [true, true, true]);
});

Deno.test("LateDedup rejects for a subject without a stream", async () => {
  await using nats = await setup();
  const late = new LateDedup(nats.nc, nats.jsm, scaledClock(50)); // it is looked for again and again
  await assert.rejects(late.find("nowhere.at.all", "m1", Date.now() - MINUTE_MS));
});

Deno.test("LateDedup does not search a work queue, which removes what is handled", async () => {
  await using nats = await setup();
  await nats.jsm.streams.add({ name: "JOBS", subjects: ["jobs.>"], retention: "workqueue", duplicate_window: 1e8 });
  assert.equal(await nats.late.find("jobs.asked", "m1", Date.now() - MINUTE_MS), undefined);
});
