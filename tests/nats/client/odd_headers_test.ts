import assert from "node:assert/strict";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { PullConsumer } from "../../../runtime/nats/consume/pull_consumer.ts";
import { eventually } from "../../support/eventually.ts";
import { startOrders } from "../../support/orders.ts";
import { HoldingSink } from "../../support/sinks.ts";
import { rejected, startSettling } from "../../support/settling.ts";

/** Publishes without checks, as some clients do: NATS itself does not check headers. */
async function publishRaw(port: number, subject: string, block: string, payload: string): Promise<void> {
  const bytes = new TextEncoder().encode(block).length;
  const text = `CONNECT {"verbose":false,"headers":true}\r\n` +
    `HPUB ${subject} ${bytes} ${bytes + payload.length}\r\n${block}${payload}\r\nPING\r\n`;
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  const decoder = new TextDecoder(), buffer = new Uint8Array(4_096);
  let answer = "";
  while (!answer.includes("PONG\r\n")) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error(`the server hung up: ${answer}`);
    answer += decoder.decode(buffer.subarray(0, length));
  }
}

for (
  const [what, block] of [
    ["a name with a space", "NATS/1.0\r\nOrder Number: 7\r\nce-id: o1\r\n\r\n"],
    ["a name that is not ASCII", "NATS/1.0\r\nbestellgröße: 7\r\nce-id: o1\r\n\r\n"],
    ["an empty name", "NATS/1.0\r\n: 7\r\nce-id: o1\r\n\r\n"],
    ["a lone line feed in a value", "NATS/1.0\r\nx-note: one\ntwo\r\nce-id: o1\r\n\r\n"],
    ["no colon", "NATS/1.0\r\nnothing\r\nce-id: o1\r\n\r\n"],
  ]
) {
  Deno.test(`PullConsumer delivers a message whose header has ${what}, and the next one`, async () => {
    await using orders = await startOrders();
    const sink = new HoldingSink(8);
    const source = new PullConsumer(orders.nc, "ORDERS", "handle", systemClock);
    orders.defer(() => source.stop());
    source.start(sink);
    await publishRaw(orders.server.port, "orders.created", block, "{}");
    await orders.publish(1);
    await sink.holds(2);
    assert.deepEqual(sink.sequences, [1, 2]);
    assert.equal(sink.held[0].headers.get("ce-id"), "o1");
  });
}

Deno.test("[G6] NatsSettler makes a dead letter of a message with a header that no client writes", async () => {
  await using orders = await startSettling();
  const block = "NATS/1.0\r\nOrder Number: 7\r\nx-note: one\ntwo\r\nce-id: o1\r\n\r\n";
  await publishRaw(orders.server.port, "orders.created", block, "{}");
  assert.deepEqual(await orders.settler.settle("handle", await orders.next(), rejected("no")), { ok: true });
  await eventually(async () => (await orders.consumer()).num_ack_pending === 0);
  const stored = await orders.jsm.streams.getMessage("DEAD_LETTERS", { seq: 1 });
  assert.equal(stored?.header.get("ce-id"), "o1");
});
