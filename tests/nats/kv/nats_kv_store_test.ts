import assert from "node:assert/strict";
import { DiscardPolicy } from "@nats-io/jetstream";
import { KvConflictError } from "../../../runtime/api/errors.ts";
import { NatsKvStore } from "../../../runtime/nats/kv/nats_kv_store.ts";
import { ServiceUnavailableError } from "../../../runtime/engine/service_calls.ts";
import { type Broker, startBroker } from "../../support/nats.ts";

interface Stock {
  onHand: number;
  reserved: Record<string, number>;
}

async function setup() {
  const broker: Broker = await startBroker();
  const bucket = new NatsKvStore(broker.nc, 1).bucket<Stock>("inventory");
  return { ...broker, bucket };
}

const BOOKS: Stock = { onHand: 100, reserved: { "ordér-1 🚂": 2 } };

/** Runs a write that must conflict with another. */
async function conflict(writing: Promise<unknown>): Promise<KvConflictError> {
  const error = await writing.then((revision) => revision, (error) => error);
  assert.ok(error instanceof KvConflictError, `expected a KvConflictError, got ${error}`);
  return error;
}

Deno.test("NatsKvStore gets what was put, at the returned revision", async () => {
  await using kv = await setup();
  const revision = await kv.bucket.put("book", BOOKS);
  assert.deepEqual(await kv.bucket.get("book"), { key: "book", value: BOOKS, revision });
  const next = await kv.bucket.put("book", { ...BOOKS, onHand: 98 });
  assert.ok(next > revision);
  assert.equal((await kv.bucket.get("book"))?.value.onHand, 98);
});

Deno.test("NatsKvStore stores every kind of JSON value", async () => {
  await using kv = await setup();
  const any = new NatsKvStore(kv.nc, 1).bucket<unknown>("anything");
  for (const value of [null, 0, "", false, [], {}, [1, [null]], { "": { a: "\u0000" } }]) {
    await any.put("key", value);
    assert.deepEqual((await any.get("key"))?.value, value);
  }
});

Deno.test("NatsKvStore gets undefined for a missing key, also in an unused bucket", async () => {
  await using kv = await setup();
  assert.equal(await kv.bucket.get("book"), undefined);
  await kv.bucket.put("pen", BOOKS);
  assert.equal(await kv.bucket.get("book"), undefined);
});

Deno.test("NatsKvStore creates a key once", async () => {
  await using kv = await setup();
  const revision = await kv.bucket.create("book", BOOKS);
  const error = await conflict(kv.bucket.create("book", { ...BOOKS, onHand: 1 }));
  assert.deepEqual({ bucket: error.bucket, key: error.key }, { bucket: "inventory", key: "book" });
  assert.equal(error.message, "key book of bucket inventory was written by another writer in the meantime");
  assert.deepEqual(await kv.bucket.get("book"), { key: "book", value: BOOKS, revision });
});

Deno.test("NatsKvStore updates a key only at the expected revision", async () => {
  await using kv = await setup();
  const first = await kv.bucket.put("book", BOOKS);
  const second = await kv.bucket.update("book", { ...BOOKS, onHand: 99 }, first);
  await conflict(kv.bucket.update("book", { ...BOOKS, onHand: 98 }, first));
  assert.deepEqual(await kv.bucket.get("book"), { key: "book", value: { ...BOOKS, onHand: 99 }, revision: second });
});

Deno.test("NatsKvStore lets one of concurrent updates win, and rejects the others with KvConflictError", async () => {
  await using kv = await setup();
  const others = await Promise.all([1, 2, 3].map(async () => new NatsKvStore(await kv.connect(), 1)));
  const buckets = [kv.bucket, ...others.map((store) => store.bucket<Stock>("inventory"))];
  const revision = await kv.bucket.put("book", BOOKS);
  const writes = await Promise.allSettled(
    buckets.map((bucket, i) => bucket.update("book", { ...BOOKS, onHand: i }, revision)),
  );
  const lost = writes.filter((write) => write.status === "rejected").map(({ reason }) => reason.name);
  assert.deepEqual(lost, ["KvConflictError", "KvConflictError", "KvConflictError"]);
});

Deno.test("NatsKvStore creates a deleted key again", async () => {
  await using kv = await setup();
  await kv.bucket.put("book", BOOKS);
  await kv.bucket.delete("book");
  assert.equal(await kv.bucket.get("book"), undefined);
  await kv.bucket.create("book", BOOKS);
  assert.deepEqual((await kv.bucket.get("book"))?.value, BOOKS);
});

Deno.test("NatsKvStore deletes a missing key without effect", async () => {
  await using kv = await setup();
  await kv.bucket.delete("book");
  assert.equal(await kv.bucket.get("book"), undefined);
});

for (const key of [">", "*", "boo*", "a.>"]) {
  Deno.test(`NatsKvStore rejects the pattern ${key} as a key, and deletes nothing`, async () => {
    await using kv = await setup();
    await kv.bucket.put("book", BOOKS);
    await assert.rejects(kv.bucket.delete(key), (error: Error) => error.message.includes(`invalid key "${key}"`));
    assert.deepEqual((await kv.bucket.get("book"))?.value, BOOKS);
  });
}

Deno.test("NatsKvStore creates one bucket when eight replicas first use it at once", async () => {
  await using kv = await setup();
  const stores = await Promise.all(Array.from({ length: 8 }, async () => new NatsKvStore(await kv.connect(), 1)));
  await Promise.all(stores.map((store, i) => store.bucket("fresh").put(`key${i}`, i)));
  const values = await Promise.all(stores.map(async (_, i) => (await stores[0].bucket("fresh").get(`key${i}`))?.value));
  assert.deepEqual(values, [0, 1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("NatsKvStore uses an existing bucket without changing it", async () => {
  await using kv = await setup();
  const { config } = await kv.jsm.streams.add({
    name: "KV_inventory",
    subjects: ["$KV.inventory.>"],
    max_msgs_per_subject: 5,
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_direct: true,
    max_age: 3_600_000 * 1e6,
  });
  await kv.bucket.put("book", BOOKS);
  assert.deepEqual((await kv.bucket.get("book"))?.value, BOOKS);
  assert.deepEqual((await kv.jsm.streams.info("KV_inventory")).config, config);
});

Deno.test("NatsKvStore fails the first use of a deleted bucket, and re-creates it on the next", async () => {
  await using kv = await setup();
  await kv.bucket.put("book", BOOKS);
  await kv.jsm.streams.delete("KV_inventory");
  await assert.rejects(kv.bucket.put("book", BOOKS));
  await kv.bucket.put("book", BOOKS);
  assert.deepEqual((await kv.bucket.get("book"))?.value, BOOKS);
});

Deno.test("NatsKvStore rejects values that JSON cannot hold, and keeps the old value", async () => {
  await using kv = await setup();
  const any = new NatsKvStore(kv.nc, 1).bucket<unknown>("anything");
  const revision = await any.put("key", 1);
  for (const value of [undefined, () => {}, 1n]) {
    await assert.rejects(any.put("key", value), {
      name: "TypeError",
      message: /^kv bucket "anything", key "key": .*JSON/,
    });
    await assert.rejects(any.create("new", value), TypeError);
    await assert.rejects(any.update("key", value, revision), TypeError);
  }
  assert.deepEqual(await any.get("key"), { key: "key", value: 1, revision });
  assert.equal(await any.get("new"), undefined);
});

/** Calls that fail, and whether the event of the handler is at fault. */
const failures: [what: string, call: (broker: Broker) => Promise<unknown>, blameless: boolean, message: RegExp][] = [
  [
    "a bucket that is missing and may not be created",
    ({ nc }) => new NatsKvStore(nc, undefined).bucket("absent").get("k"),
    true,
    /^kv bucket "absent", key "k": there is no key-value bucket "absent"/,
  ],
  [
    "a bucket that is full",
    async ({ nc, jsm }) => {
      const store = new NatsKvStore(nc, 1);
      await store.bucket("full").put("k", 1);
      await jsm.streams.update("KV_full", { max_msgs: 1, discard: DiscardPolicy.New });
      await store.bucket("full").put("other", 1);
    },
    true,
    /^kv bucket "full", key "other": maximum messages exceeded/,
  ],
  [
    "a bucket that was deleted while it was open",
    async ({ nc, jsm }) => {
      const store = new NatsKvStore(nc, 1);
      await store.bucket("gone").put("k", 1);
      await jsm.streams.delete("KV_gone");
      await store.bucket("gone").get("k");
    },
    true,
    /^kv bucket "gone", key "k": NATS does not answer: no responders/,
  ],
  [
    "a write to a bucket that was deleted while it was open",
    async ({ nc, jsm }) => {
      const store = new NatsKvStore(nc, 1);
      await store.bucket("gone").put("k", 1);
      await jsm.streams.delete("KV_gone");
      await store.bucket("gone").put("k", 2);
    },
    true,
    /^kv bucket "gone", key "k": NATS does not answer: /,
  ],
  [
    "a value that another client stored and that is no JSON",
    async ({ nc }) => {
      const store = new NatsKvStore(nc, 1);
      await store.bucket("foreign").put("k", 1);
      nc.publish("$KV.foreign.k", "{oops");
      await nc.flush();
      await store.bucket("foreign").get("k");
    },
    false,
    /^kv bucket "foreign", key "k": the value is no JSON/,
  ],
  [
    "a value over the limit of its bucket",
    async ({ nc, jsm }) => {
      const store = new NatsKvStore(nc, 1);
      await store.bucket("small").put("k", 1);
      await jsm.streams.update("KV_small", { max_msg_size: 100 });
      await store.bucket("small").put("k", "x".repeat(1_000));
    },
    false,
    /^kv bucket "small", key "k": .*message size exceeds maximum allowed/,
  ],
  [
    "a value over max_payload",
    ({ nc }) => new NatsKvStore(nc, 1).bucket("b").put("k", "x".repeat(2e6)),
    false,
    /^kv bucket "b", key "k": .*max_payload/,
  ],
  [
    "a key that is undefined",
    ({ nc }) => new NatsKvStore(nc, 1).bucket("b").get(undefined as never),
    false,
    /^kv key undefined is no/,
  ],
  [
    "a bucket whose name is undefined",
    ({ nc }) => new NatsKvStore(nc, 1).bucket(undefined as never).put("k", 1),
    false,
    /^kv bucket undefined is no text/,
  ],
  ["a name that no bucket can have", ({ nc }) => new NatsKvStore(nc, 1).bucket("a b").get("k"), false, /a b/],
];
for (const [what, call, blameless, message] of failures) {
  Deno.test(`NatsKvStore says of ${what} that the event is ${blameless ? "not " : ""}at fault`, async () => {
    await using broker = await startBroker();
    const error = await call(broker).then(() => assert.fail("it succeeded"), (error) => error);
    assert.match(error.message, message);
    assert.equal(error instanceof ServiceUnavailableError, blameless, error.stack);
  });
}
