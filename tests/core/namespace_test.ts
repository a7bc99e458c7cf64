import assert from "node:assert/strict";
import { Namespace, namespaceProblem, NO_NAMESPACE } from "../../runtime/core/namespace.ts";

Deno.test("Namespace without a name leaves every name as it is", () => {
  const { retries, deadLetters, tail, tailAnnounce } = NO_NAMESPACE;
  assert.deepEqual(
    [retries.stream, retries.subjects, retries.delayed, retries.due, retries.redriven, retries.anyDelayed],
    ["RETRIES", ["retries.>"], "retries.delayed", "retries.due", "retries.redriven", "retries.*"],
  );
  assert.deepEqual(deadLetters, { stream: "DEAD_LETTERS", prefix: "dead_letters", subjects: ["dead_letters.>"] });
  assert.deepEqual([tail, tailAnnounce], ["$WEIR.tail", "_INBOX.weir.tails"]);
  for (const name of ["ORDERS", "orders.created", "orders.>"]) {
    const { stream, bucket, consumer, functionOf, subject, typeOf } = Namespace.prototype;
    const all = [stream, bucket, consumer, functionOf, subject, typeOf].map((map) => map.call(NO_NAMESPACE, name));
    assert.deepEqual(new Set(all), new Set([name]));
    assert.equal(NO_NAMESPACE.includes(name), true);
  }
});

Deno.test("Namespace puts its name before streams, consumers, buckets and subjects, and takes it off again", () => {
  const names = new Namespace("shop-staging");
  assert.equal(names.stream("ORDERS"), "shop-staging_ORDERS");
  assert.equal(names.bucket("weir_inbox"), "shop-staging_weir_inbox");
  assert.equal(names.consumer("capturePayment"), "shop-staging_capturePayment");
  assert.equal(names.functionOf("shop-staging_capturePayment"), "capturePayment");
  assert.equal(names.functionOf("capturePayment"), "capturePayment");
  assert.equal(names.subject("orders.>"), "shop-staging.orders.>");
  assert.equal(names.typeOf("shop-staging.orders.created"), "orders.created");
  assert.equal(names.typeOf("shop-staging-2.orders.created"), "shop-staging-2.orders.created");
  assert.equal(names.retries.due, "shop-staging.retries.due");
  assert.equal(names.deadLetters.stream, "shop-staging_DEAD_LETTERS");
  assert.equal(names.tail, "$WEIR.shop-staging.tail");
  assert.deepEqual(["shop-staging_X", "shop_X", "X"].map((name) => names.includes(name)), [true, false, false]);
});

Deno.test("Namespace leaves streams that Weir does not own, and what is in them, as they are", () => {
  const foreign = { streams: new Set(["LEGACY"]), subjects: new Set(["legacy.told", "old.>"]) };
  const names = new Namespace("eu", "shop", foreign);
  assert.deepEqual(["LEGACY", "ORDERS"].map((name) => names.stream(name)), ["LEGACY", "eu_ORDERS"]);
  assert.deepEqual(["legacy.told", "old.>", "orders.>"].map((type) => names.subject(type)), [
    ...["legacy.told", "old.>", "eu.orders.>"],
  ]);
  assert.equal(names.typeOf("legacy.told"), "legacy.told");
  assert.equal(names.consumer("ship"), "eu_ship");
  const found = ["LEGACY", "eu_ORDERS", undefined].map((stream) => names.typeOf("eu.told", stream));
  assert.deepEqual(found, ["eu.told", "told", "told"]);
  assert.deepEqual(["LEGACY", "eu_ORDERS", "OTHERS"].map((name) => names.includes(name)), [true, true, false]);
});

for (
  const [name, ok] of [
    ["shop", true],
    ["Shop_2-a", true],
    ["2nd", true],
    ["a".repeat(32), true],
    ["a".repeat(33), false],
    ["", false],
    ["-shop", false],
    ["_shop", false],
    ["shop.eu", false],
    ["shop*", false],
    ["shöp", false],
    ["a b", false],
    ["KV", false],
    ["KV_shop", false],
    ["OBJ_shop", false],
    ["KVshop", true],
  ] as const
) {
  Deno.test(`namespaceProblem ${ok ? "accepts" : "refuses"} ${JSON.stringify(name)}`, () => {
    assert.equal(namespaceProblem(name) === undefined, ok);
  });
}

for (
  const [what, subject, type] of [
    ["an own event", "eu.orders.created", "orders.created"],
    ["an event of another owner that begins with the namespace", "eu.legacy.told", "eu.legacy.told"],
    ["one of a type that begins with it", "eu.told", "eu.told"],
    ["an own event that a pattern of all subjects covers as well", "eu.any", "any"],
    ["an event of another owner", "old.it", "old.it"],
  ] as const
) {
  Deno.test(`Namespace.typeOfPublished returns the type of ${what}`, () => {
    const foreign = { streams: new Set(["LEGACY"]), subjects: new Set(["eu.legacy.>", "eu.told", "old.>", ">"]) };
    assert.equal(new Namespace("eu", "shop", foreign).typeOfPublished(subject), type);
  });
}
