import assert from "node:assert/strict";
import { MemoryKvStore } from "weir/testing";

Deno.test("what is no JSON is refused, as by the real buckets, and what was there stays", async () => {
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

Deno.test("a key that NATS does not take is refused, with what a key may hold and how to come by one", async () => {
  const bucket = new MemoryKvStore().bucket("mails"), address = "a b@c.de";
  await assert.rejects(bucket.get(address), {
    message: 'kv bucket "mails": invalid key "a b@c.de": only letters a-z and A-Z, digits, - _ / = and single dots ' +
      'between them; encode what may hold others, as in Buffer.from(key).toString("base64url")',
  });
  await bucket.put(Buffer.from(address).toString("base64url"), 1);
  await assert.rejects(bucket.put("a..b", 1), /invalid key "a\.\.b"/);
});

Deno.test("contents that no bucket could have are refused where they are given", () => {
  assert.throws(() => new MemoryKvStore({ orders: { "order 1": {} } }), /invalid key "order 1"/);
  assert.throws(() => new MemoryKvStore({ "my orders": { o1: {} } }), /invalid bucket name: my orders/);
  assert.throws(() => new MemoryKvStore({ orders: { o1: undefined } }), TypeError);
});
