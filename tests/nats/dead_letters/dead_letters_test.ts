import assert from "node:assert/strict";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Broker } from "../../support/nats.ts";
import { headerText } from "../../../runtime/nats/client/header_writer.ts";
import { RawHeaders } from "../../../runtime/nats/client/message_headers.ts";
import { originalDelivery } from "../../../runtime/nats/retry/original_delivery.ts";
import { retryHeaders } from "../../../runtime/nats/retry/retry_headers.ts";
import { delivery } from "../../support/deliveries.ts";
import { eventually } from "../../support/eventually.ts";
import { rejected, startSettling } from "../../support/settling.ts";

/** Reads the last dead letter as it is stored. */
async function lastDeadLetter({ jsm }: Broker) {
  const { state } = await jsm.streams.info("DEAD_LETTERS");
  const stored = await jsm.streams.getMessage("DEAD_LETTERS", { seq: state.last_seq });
  return stored!;
}

function all(hdrs: MsgHdrs): [string, string[]][] {
  return [...hdrs].map(([name, values]): [string, string[]] => [name, values]);
}

Deno.test("[G2] DeadLetters stores payload and headers of the original, and the outcome", async () => {
  await using orders = await startSettling();
  const payload = Uint8Array.of(0, 255, 13, 10, 123, 128);
  const original = headers();
  original.set("Nats-Msg-Id", "order-1");
  original.set("Nats-Expected-Stream", "ORDERS");
  original.set("weir-reason", "forged");
  original.set("Weir-Anything", "forged");
  original.set("ce-id", "order-1");
  original.set("CE-Type", "orders.created");
  original.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  original.append("X-Tag", "one");
  original.append("X-Tag", "two");
  orders.nc.publish("orders.created", payload, { headers: original });
  const delivery = await orders.next();
  const error = { name: "NonRetryableError", message: "the card was stolen" };
  const outcome = { kind: "dead-letter", reason: "rejected", attempts: 3, error } as const;
  const before = Date.now();
  assert.deepEqual(await orders.settler.settle("handle", delivery, outcome), { ok: true });

  const stored = await lastDeadLetter(orders);
  assert.equal(stored.subject, "dead_letters.handle.orders.created");
  assert.deepEqual([...stored.data], [0, 255, 13, 10, 123, 128]);
  const time = stored.header.get("weir-time");
  assert.equal(new Date(time).toISOString(), time);
  assert.ok(Date.parse(time) >= before && Date.parse(time) <= Date.now());
  assert.deepEqual(all(stored.header), [
    ["ce-id", ["order-1"]],
    ["CE-Type", ["orders.created"]],
    ["traceparent", ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]],
    ["X-Tag", ["one", "two"]],
    ["Nats-Msg-Id", [`handle:ORDERS.1.${delivery.storedAtMs}.0`]],
    ["weir-function", ["handle"]],
    ["weir-stream", ["ORDERS"]],
    ["weir-sequence", ["1"]],
    ["weir-reason", ["rejected"]],
    ["weir-attempts", ["3"]],
    ["weir-error", ["NonRetryableError: the card was stolen"]],
    ["weir-time", [time]],
  ]);
});

Deno.test("[G11] DeadLetters stores the same dead letter once", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  const first = await orders.deadLetters.store("handle", delivery, rejected("no"));
  const second = await orders.deadLetters.store("handle", delivery, rejected("no, again"));
  assert.deepEqual(first, { stream: "DEAD_LETTERS", sequence: 1, duplicate: false });
  assert.deepEqual(second, { stream: "DEAD_LETTERS", sequence: 1, duplicate: true });
  const other = await orders.deadLetters.store("otherFunction", delivery, rejected("no"));
  assert.deepEqual(other, { stream: "DEAD_LETTERS", sequence: 2, duplicate: false });
});

Deno.test("[G11] DeadLetters stores one dead letter for an event and its delayed retry, and another after a redrive", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const original = await orders.next();
  const hdrs = retryHeaders("handle", original, { attempts: 1, excusedDeliveries: 0 });
  const block = all(hdrs).map(([name, [value]]) => `${name}: ${value}\r\n`).join("");
  const copy = originalDelivery({
    ...original,
    stream: "RETRIES",
    sequence: 7,
    subject: "retries.due.handle.orders.created",
    messageKey: "RETRIES.7.1",
    headers: new RawHeaders(`NATS/1.0\r\n${block}\r\n`),
  });
  await orders.deadLetters.store("handle", original, rejected("no"));
  const second = await orders.deadLetters.store("handle", copy, rejected("no, from the retry"));
  assert.deepEqual(second, { stream: "DEAD_LETTERS", sequence: 1, duplicate: true });
  const redriven = { ...copy, history: { ...copy.history, redrives: 1 } };
  const third = await orders.deadLetters.store("handle", redriven, rejected("no, after a redrive"));
  assert.deepEqual(third, { stream: "DEAD_LETTERS", sequence: 2, duplicate: false });
});

Deno.test("retryHeaders keep the length of a chain of emitted events, and a dead letter does not", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = { ...await orders.next(), headers: new RawHeaders("NATS/1.0\r\nweir-hops: 7\r\n\r\n") };
  assert.equal(retryHeaders("handle", delivery, { attempts: 1, excusedDeliveries: 0 }).get("weir-hops"), "7");
  await orders.deadLetters.store("handle", delivery, rejected("no"));
  assert.equal((await lastDeadLetter(orders)).header.has("weir-hops"), false);
});

for (
  const [what, message, expected] of [
    ["on several lines", "first\r\nNats-Msg-Id: forged\n\nlast", "first Nats-Msg-Id: forged last"],
    ["with control characters", "a\u0000b\u001b[31mc\td\u007fe", "a b [31mc d e"],
    ["with an emoji", "the 🚂 is late – sorry", "the 🚂 is late – sorry"],
    ["of 100 kB", "x".repeat(100_000), "x".repeat(980) + "…"],
    ["that is empty", "", ""],
    ["with half a character", "before\ud83dafter", "before\ufffdafter"],
  ]
) {
  Deno.test(`DeadLetters stores an error text ${what} in a header`, async () => {
    await using orders = await startSettling();
    await orders.publish(1);
    assert.deepEqual(await orders.settler.settle("handle", await orders.next(), rejected(message)), { ok: true });
    const { header } = await lastDeadLetter(orders);
    assert.equal(header.get("weir-error"), `NonRetryableError: ${expected}`.trim());
    assert.equal(header.get("weir-function"), "handle");
  });
}

Deno.test("DeadLetters truncates a long error text between characters", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const outcome = rejected("🚂".repeat(25_000));
  assert.deepEqual(await orders.settler.settle("handle", await orders.next(), outcome), { ok: true });
  assert.match((await lastDeadLetter(orders)).header.get("weir-error"), /^NonRetryableError: (🚂){200,980}…$/u);
});

Deno.test("headerText truncates texts longer than a thousand characters", () => {
  assert.equal(headerText("x".repeat(1_000)), "x".repeat(1_000));
  assert.equal(headerText("x".repeat(1_001)), "x".repeat(999) + "…");
});

Deno.test("[G11] DeadLetters stores nothing for a redelivery that left nothing if its dead letter is there, also once JetStream has forgotten its id", async () => {
  await using settling = await startSettling();
  await settling.jsm.streams.update("DEAD_LETTERS", { duplicate_window: 100 * 1e6 }); // the least
  const usedUp = { attempts: 1, excusedDeliveries: 0 };
  const event = { ...delivery(), storedAtMs: Date.now() - 300_000 };
  const first = await settling.deadLetters.store("handle", event, rejected("no"), usedUp);
  const probe = () => settling.deadLetters.store("other", event, rejected("no"), usedUp, "probe");
  await probe();
  await eventually(async () => !(await probe()).duplicate);
  const again = await settling.deadLetters.store("handle", event, rejected("no"), { ...usedUp, mayHaveEnded: true });
  assert.equal(again.sequence, first.sequence);
  const other = await settling.deadLetters.store("handle", event, rejected("no"), usedUp);
  assert.notEqual(other.sequence, first.sequence);
});
