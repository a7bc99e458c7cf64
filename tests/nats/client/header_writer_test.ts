import assert from "node:assert/strict";
import { HeaderBlock } from "../../../runtime/nats/client/header_writer.ts";
import { startStoring } from "../../support/storing.ts";
import { takesAtMost } from "../../support/cpu_time.ts";

const DATA = new TextEncoder().encode("{}");

Deno.test("HeaderBlock becomes the same headers for the client's own publish", async () => {
  await using bench = await startStoring();
  const hdrs = new HeaderBlock().add("Nats-Msg-Id", "order-1").add("ce-id", "o 1: a").add("X-Note", "für 🚂")
    .toMsgHdrs();
  await bench.publisher.publish("orders.created", DATA, hdrs);
  const message = (await bench.jsm.streams.getMessage("ORDERS", { seq: 1 }))!;
  assert.deepEqual([...message.header], [
    ["Nats-Msg-Id", ["order-1"]],
    ["ce-id", ["o 1: a"]],
    ["X-Note", ["für 🚂"]],
  ]);
  assert.deepEqual([...message.data], [...DATA]);
});

Deno.test("HeaderBlock becomes 60,000 headers of the client in linear time", () => {
  const block = new HeaderBlock();
  for (let i = 0; i < 60_000; i++) block.add(`ce-e${i}`, "x");
  assert.equal(takesAtMost(3_000, () => block.toMsgHdrs().keys().length), 60_000);
});

for (const name of ["", "a b", "a:b", "a\r\nNats-Rollup", "größe", "\u007f"]) {
  Deno.test(`HeaderBlock refuses the name ${JSON.stringify(name)}`, () => {
    assert.throws(() => new HeaderBlock().add(name, "value"), { message: /^a header cannot be called / });
  });
}

for (const value of ["a\r\nNats-Rollup: all", "a\nb", "\r"]) {
  Deno.test(`HeaderBlock refuses the value ${JSON.stringify(value)}`, () => {
    assert.throws(() => new HeaderBlock().add("ce-id", value), { message: /^the header ce-id has a line break/ });
  });
}
