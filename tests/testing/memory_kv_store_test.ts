import assert from "node:assert/strict";
import { MemoryKvStore } from "weir/testing";

Deno.test("MemoryKvStore refuses values that are not JSON, and keeps the old ones", async () => {
  const bucket = new MemoryKvStore({ anything: { key: 1 } }).bucket<unknown>("anything");
  for (const value of [undefined, () => {}, 1n]) {
    await assert.rejects(bucket.put("key", value), {
      name: "TypeError",
      message: /^kv bucket "anything", key "key": .*JSON/,
    });
    await assert.rejects(bucket.create("new", value), TypeError);
    await assert.rejects(bucket.update("key", value, 1), TypeError);
  }
  assert.deepEqual(await bucket.get("key"), { key: "key", value: 1, revision: 1 });
  assert.equal(await bucket.get("new"), undefined);
});

Deno.test("MemoryKvStore refuses a key that NATS refuses, and says how to encode it", async () => {
  const bucket = new MemoryKvStore().bucket("mails"), address = "a b@c.de";
  await assert.rejects(bucket.get(address), {
    message: 'kv bucket "mails": invalid key "a b@c.de": only letters a-z and A-Z, digits, - _ / = and single dots ' +
      'between them; encode what may hold others, as in Buffer.from(key).toString("base64url")',
  });
  await bucket.put(Buffer.from(address).toString("base64url"), 1);
  await assert.rejects(bucket.put("a..b", 1), /invalid key "a\.\.b"/);
});

Deno.test("MemoryKvStore refuses invalid initial contents", () => {
  assert.throws(() => new MemoryKvStore({ orders: { "order 1": {} } }), /invalid key "order 1"/);
  assert.throws(
    () => new MemoryKvStore({ "my orders": { o1: {} } }),
    /kv bucket "my orders".*a bucket.s name has only/,
  );
  assert.throws(() => new MemoryKvStore({ orders: { o1: undefined } }), TypeError);
});

Deno.test("MemoryKvStore.contents has the initial values, without deleted ones", async () => {
  const kv = new MemoryKvStore({ stock: { book: 1, lamp: 2 } });
  await kv.bucket("stock").delete("book");
  assert.deepEqual(kv.contents(), { stock: { lamp: 2 } });
});
