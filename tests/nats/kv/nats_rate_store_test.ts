import assert from "node:assert/strict";
import { Kvm } from "@nats-io/kv";
import { EMPTY_WINDOW } from "../../../runtime/core/rate_window.ts";
import { ensureBucket } from "../../../runtime/nats/kv/bucket.ts";
import { NatsRateStore } from "../../../runtime/nats/kv/nats_rate_store.ts";
import { RATES } from "../../../runtime/nats/kv/resources.ts";
import { eventually } from "../../support/eventually.ts";
import { startBroker } from "../../support/nats.ts";

const WINDOW = { ends: [[2_000_000_000_000, 3]], takers: { a: 1_999_999_999_000 } } as const;

/** Starts a server with the bucket, and the stores of two processes. */
async function setup() {
  const broker = await startBroker();
  await ensureBucket(broker.jsm, RATES, 1);
  const open = async () => new NatsRateStore(await broker.connect(), 1);
  return { ...broker, first: await open(), second: await open() };
}

Deno.test("NatsRateStore writes a window at the revision that was read, and refuses any other", async () => {
  await using broker = await setup();
  const { first, second } = broker, none = await first.read("ship", "all");
  assert.deepEqual(none, { window: EMPTY_WINDOW, revision: 0 });
  const revision = await first.write("ship", "all", { window: WINDOW, revision: 0 }, 1_000);
  assert.equal(await second.write("ship", "all", { window: WINDOW, revision: 0 }, 1_000), undefined);
  assert.deepEqual(await second.read("ship", "all"), { window: WINDOW, revision });
  assert.deepEqual(await second.read("bill", "all"), none);
});

Deno.test("NatsRateStore lets the server remove a window after its time to live", async () => {
  await using broker = await setup();
  await broker.first.write("ship", "all", { window: WINDOW, revision: 0 }, 1);
  await eventually(async () => (await broker.first.read("ship", "all")).revision === 0);
});

Deno.test("NatsRateStore reads a key that was deleted, or is no window, as an empty window", async () => {
  await using broker = await setup();
  const bucket = await new Kvm(broker.nc).open("weir_rates");
  await bucket.put("ship.all", "no JSON");
  assert.deepEqual((await broker.first.read("ship", "all")).window, EMPTY_WINDOW);
  await bucket.delete("ship.all");
  const stored = await broker.first.read("ship", "all");
  assert.deepEqual(stored.window, EMPTY_WINDOW);
  assert.ok(await broker.first.write("ship", "all", { ...stored, window: WINDOW }, 1_000));
});

Deno.test("NatsRateStore fails while its bucket is missing, says so, and creates it", async () => {
  await using broker = await setup();
  await broker.jsm.streams.delete("KV_weir_rates");
  const stored = { window: WINDOW, revision: 0 };
  await assert.rejects(broker.first.write("ship", "all", stored, 1_000), {
    message: "bucket weir_rates: it is missing, or has no leader",
  });
  await eventually(async () => await broker.second.write("ship", "all", stored, 1_000).catch(() => undefined));
});
