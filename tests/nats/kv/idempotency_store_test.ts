import assert from "node:assert/strict";
import { Kvm } from "@nats-io/kv";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import type { Claim, ClaimResult } from "../../../runtime/engine/ports.ts";
import { NatsIdempotencyStore } from "../../../runtime/nats/kv/idempotency_store.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { startBroker } from "../../support/nats.ts";
import { eventually } from "../../support/eventually.ts";

const HOUR_MS = 3_600_000;

/** Two replicas of a function, each with a connection of its own. */
async function setup() {
  const broker = await startBroker();
  const open = async () => {
    const nc = await broker.connect();
    const store = new JetStreamPublisher(nc, systemClock);
    broker.defer(() => store.close());
    return new NatsIdempotencyStore(store, broker.jsm, 1);
  };
  const [one, other] = [await open(), await open()];
  await one.ensureBucket();
  return { ...broker, one, other };
}

function claimOf(claimed: ClaimResult): Claim {
  assert.equal(claimed.kind, "claimed");
  return (claimed as ClaimResult & { kind: "claimed" }).claim;
}

Deno.test("an event is claimed by one replica at a time, and once it is handled by none", async () => {
  await using nats = await setup();
  const claim = claimOf(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS));
  assert.deepEqual(await nats.other.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "in-progress" });
  assert.deepEqual(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "in-progress" });
  await claim.complete();
  assert.deepEqual(await nats.other.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "done" });
  assert.deepEqual(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "done" });
});

Deno.test("of many that claim an event at once one gets it", async () => {
  await using nats = await setup();
  const asked = Array.from({ length: 50 }, (_, i) => (i % 2 ? nats.one : nats.other).claim("ship", "k", HOUR_MS, 1));
  const kinds = (await Promise.all(asked)).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "claimed").length, 1);
  assert.equal(kinds.filter((kind) => kind === "in-progress").length, 49);
});

Deno.test("an event that was not handled can be claimed again at once", async () => {
  await using nats = await setup();
  await claimOf(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS)).release();
  const again = claimOf(await nats.other.claim("ship", "k", HOUR_MS, HOUR_MS));
  await again.complete();
  assert.deepEqual(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "done" });
});

Deno.test("what one function has handled another has not", async () => {
  await using nats = await setup();
  await claimOf(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS)).complete();
  claimOf(await nats.one.claim("bill", "k", HOUR_MS, HOUR_MS));
  claimOf(await nats.one.claim("ship", "l", HOUR_MS, HOUR_MS));
});

Deno.test("the claim of a process that died ends by itself", async () => {
  await using nats = await setup();
  claimOf(await nats.one.claim("ship", "k", 1_000, HOUR_MS));
  await eventually(async () => (await nats.other.claim("ship", "k", 1_000, HOUR_MS)).kind === "claimed");
});

Deno.test("a handled event is forgotten after its time, and not with the claim's", async () => {
  await using nats = await setup();
  const kept = claimOf(await nats.one.claim("ship", "kept", 1_000, HOUR_MS));
  const forgotten = claimOf(await nats.one.claim("ship", "forgotten", 1_000, 1_000));
  claimOf(await nats.one.claim("ship", "claimed", 1_000, 1_000));
  await Promise.all([kept.complete(), forgotten.complete()]);
  for (const key of ["claimed", "forgotten"]) { // once these are gone, so would be the first claim
    await eventually(async () => (await nats.one.claim("ship", key, HOUR_MS, 1_000)).kind === "claimed");
  }
  assert.deepEqual(await nats.one.claim("ship", "kept", 1_000, HOUR_MS), { kind: "done" });
});

Deno.test("a claim that took too long and was taken over is completed all the same", async () => {
  await using nats = await setup();
  const slow = claimOf(await nats.one.claim("ship", "k", 1_000, HOUR_MS));
  await eventually(async () => (await nats.other.claim("ship", "k", HOUR_MS, HOUR_MS)).kind === "claimed");
  await slow.release(); // which is no longer its own to release
  assert.deepEqual(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "in-progress" });
  await slow.complete();
  assert.deepEqual(await nats.other.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "done" });
});

Deno.test("a bucket that is gone is made again", async () => {
  await using nats = await setup();
  await nats.jsm.streams.delete("KV_weir_inbox");
  await eventually(async () => (await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS)).kind === "claimed");
});

Deno.test("opened twice it is one bucket", async () => {
  await using nats = await setup();
  await nats.other.ensureBucket();
  const { config } = await nats.jsm.streams.info("KV_weir_inbox");
  assert.equal(config.allow_msg_ttl, true);
});

Deno.test("a key that somebody deleted with a tool for KV can be claimed again", async () => {
  await using nats = await setup();
  await claimOf(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS)).complete();
  const bucket = await new Kvm(nats.nc).open("weir_inbox");
  await bucket.delete("ship.k");
  claimOf(await nats.other.claim("ship", "k", HOUR_MS, HOUR_MS));
  assert.deepEqual(await nats.one.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "in-progress" });
});

Deno.test("a bucket that somebody made without times to live gets them", async () => {
  await using broker = await startBroker();
  await new Kvm(broker.nc).create("weir_inbox");
  const store = new JetStreamPublisher(broker.nc, systemClock);
  broker.defer(() => store.close());
  const inbox = new NatsIdempotencyStore(store, broker.jsm, 1);
  await inbox.ensureBucket();
  claimOf(await inbox.claim("ship", "k", HOUR_MS, HOUR_MS));
});
