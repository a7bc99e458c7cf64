import assert from "node:assert/strict";
import { Kvm } from "@nats-io/kv";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import type { Claim, ClaimResult } from "../../../runtime/engine/idempotency_store.ts";
import { NatsIdempotencyStore } from "../../../runtime/nats/kv/nats_idempotency_store.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { startBroker } from "../../support/nats.ts";
import { eventually } from "../../support/eventually.ts";

const HOUR_MS = 3_600_000;

/** Starts the stores of two replicas, each with its own connection. */
async function setup() {
  const broker = await startBroker();
  const open = async () => {
    const nc = await broker.connect();
    const publisher = new JetStreamPublisher(nc, systemClock);
    broker.defer(() => publisher.close());
    return new NatsIdempotencyStore(publisher, broker.jsm, 1);
  };
  const [first, second] = [await open(), await open()];
  await first.ensureBucket();
  return { ...broker, first, second };
}

function claimOf(claimed: ClaimResult): Claim {
  assert.equal(claimed.kind, "claimed");
  return (claimed as ClaimResult & { kind: "claimed" }).claim;
}

Deno.test("NatsIdempotencyStore grants one claim at a time, and none once the event is handled", async () => {
  await using broker = await setup();
  const claim = claimOf(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS));
  assert.deepEqual(await broker.second.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "in-progress" });
  assert.deepEqual(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "in-progress" });
  await claim.complete();
  assert.deepEqual(await broker.second.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "done" });
  assert.deepEqual(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "done" });
});

Deno.test("NatsIdempotencyStore grants one of many concurrent claims", async () => {
  await using broker = await setup();
  const asked = Array.from(
    { length: 50 },
    (_, i) => (i % 2 ? broker.first : broker.second).claim("ship", "k", HOUR_MS, 1),
  );
  const kinds = (await Promise.all(asked)).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "claimed").length, 1);
  assert.equal(kinds.filter((kind) => kind === "in-progress").length, 49);
});

Deno.test("NatsIdempotencyStore grants a released claim again at once", async () => {
  await using broker = await setup();
  await claimOf(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS)).release();
  const again = claimOf(await broker.second.claim("ship", "k", HOUR_MS, HOUR_MS));
  await again.complete();
  assert.deepEqual(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "done" });
});

Deno.test("NatsIdempotencyStore keeps the claims of functions apart", async () => {
  await using broker = await setup();
  await claimOf(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS)).complete();
  claimOf(await broker.first.claim("bill", "k", HOUR_MS, HOUR_MS));
  claimOf(await broker.first.claim("ship", "l", HOUR_MS, HOUR_MS));
});

Deno.test("[G13] NatsIdempotencyStore grants the claim of a dead process again once its lease expired", async () => {
  await using broker = await setup();
  claimOf(await broker.first.claim("ship", "k", 1_000, HOUR_MS));
  await eventually(async () => (await broker.second.claim("ship", "k", 1_000, HOUR_MS)).kind === "claimed");
});

Deno.test("NatsIdempotencyStore forgets a handled event after its time to live, not after the lease", async () => {
  await using broker = await setup();
  const kept = claimOf(await broker.first.claim("ship", "kept", 1_000, HOUR_MS));
  const forgotten = claimOf(await broker.first.claim("ship", "forgotten", 1_000, 1_000));
  claimOf(await broker.first.claim("ship", "claimed", 1_000, 1_000));
  await Promise.all([kept.complete(), forgotten.complete()]);
  for (const key of ["claimed", "forgotten"]) { // by the time these expired, so would have the claim of "kept"
    await eventually(async () => (await broker.first.claim("ship", key, HOUR_MS, 1_000)).kind === "claimed");
  }
  assert.deepEqual(await broker.first.claim("ship", "kept", 1_000, HOUR_MS), { kind: "done" });
});

Deno.test("NatsIdempotencyStore completes a claim whose lease expired and that another replica holds", async () => {
  await using broker = await setup();
  const slow = claimOf(await broker.first.claim("ship", "k", 1_000, HOUR_MS));
  await eventually(async () => (await broker.second.claim("ship", "k", HOUR_MS, HOUR_MS)).kind === "claimed");
  await slow.release(); // no effect: the claim is no longer its own
  assert.deepEqual(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "in-progress" });
  await slow.complete();
  assert.deepEqual(await broker.second.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "done" });
});

Deno.test("NatsIdempotencyStore re-creates a deleted bucket", async () => {
  await using broker = await setup();
  await broker.jsm.streams.delete("KV_weir_inbox");
  await eventually(async () => (await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS)).kind === "claimed");
});

Deno.test("ensureBucket of the idempotency store keeps an existing bucket", async () => {
  await using broker = await setup();
  await broker.second.ensureBucket();
  const { config } = await broker.jsm.streams.info("KV_weir_inbox");
  assert.equal(config.allow_msg_ttl, true);
});

Deno.test("NatsIdempotencyStore grants a claim whose key was deleted with a KV tool", async () => {
  await using broker = await setup();
  await claimOf(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS)).complete();
  const bucket = await new Kvm(broker.nc).open("weir_inbox");
  await bucket.delete("ship.k");
  claimOf(await broker.second.claim("ship", "k", HOUR_MS, HOUR_MS));
  assert.deepEqual(await broker.first.claim("ship", "k", HOUR_MS, HOUR_MS), { kind: "in-progress" });
});

Deno.test("ensureBucket of the idempotency store enables message TTLs on an existing bucket", async () => {
  await using broker = await startBroker();
  await new Kvm(broker.nc).create("weir_inbox");
  const publisher = new JetStreamPublisher(broker.nc, systemClock);
  broker.defer(() => publisher.close());
  const store = new NatsIdempotencyStore(publisher, broker.jsm, 1);
  await store.ensureBucket();
  claimOf(await store.claim("ship", "k", HOUR_MS, HOUR_MS));
});
