import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Msg } from "@nats-io/transport-node";
import fc from "fast-check";
import { ackSubjectText, DeliveryParser, pendingIn } from "../../../runtime/nats/consume/parse_delivery.ts";
import type { Delivery } from "../../../runtime/core/delivery.ts";

const UTF8 = new TextEncoder();

/** A message as the client makes it, as far as it is read. */
function message(subject: string, reply: string | undefined, headers = "", payload = "{}"): Msg {
  const head = UTF8.encode(headers), rdata = UTF8.encode(headers + payload);
  const msg = {
    subject: UTF8.encode(subject),
    reply: reply === undefined ? undefined : UTF8.encode(reply),
    hdr: head.length,
  };
  return { subject, reply, data: rdata.subarray(head.length), _msg: msg, _rdata: rdata } as unknown as Msg;
}

/** Returns all fields of a delivery, its bytes as text. */
function fieldsOf(delivery: Delivery) {
  const { stream, sequence, subject, deliveryCount, storedAtMs, payload, headers, history, messageKey, ackSubject } =
    delivery;
  const text = new TextDecoder().decode(payload);
  const named = { stream, sequence, subject, deliveryCount, storedAtMs, history, messageKey };
  return { ...named, text, headers: [...headers.entries()], ackSubject: ackSubjectText(ackSubject) };
}

Deno.test("DeliveryParser parses both forms of the ack subject", () => {
  const reader = new DeliveryParser("ORDERS", "handle");
  const count = fc.integer({ min: 1, max: 2 ** 40 }), nanos = fc.bigInt({ min: 1_000_000_000n, max: 2n ** 63n - 1n });
  const subject = fc.constantFrom("orders.created", "orders.shipped", "orders.größe");
  const header = fc.constantFrom(undefined, "e1"), prefix = fc.constantFrom("$JS.ACK.", "$JS.ACK.hub.ACCHASH.");
  fc.assert(
    fc.property(
      subject,
      count,
      count,
      count,
      nanos,
      header,
      prefix,
      (subject, deliveries, sequence, pending, nanos, id, prefix) => {
        const ackSubject = `${prefix}ORDERS.handle.${deliveries}.${sequence}.${sequence}.${nanos}.${pending}`;
        const headers = id === undefined ? "" : `NATS/1.0\r\nce-id: ${id}\r\n\r\n`;
        assert.deepEqual(fieldsOf(reader.parse(message(subject, ackSubject, headers, '{"a":1}'))!), {
          stream: "ORDERS",
          sequence,
          subject,
          deliveryCount: deliveries,
          storedAtMs: Number(nanos / 1_000_000n),
          history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
          messageKey: `ORDERS.${sequence}.${nanos}`,
          text: '{"a":1}',
          headers: id === undefined ? [] : [["ce-id", id]],
          ackSubject,
        });
      },
    ),
  );
});

const others: [what: string, reply: string][] = [
  ["a server that says its domain and account", "$JS.ACK.hub.ACCHASH.ORDERS.handle.2.7.9.1763700000000000000.3.rnd"],
  ["another consumer's name with the same beginning", "$JS.ACK.ORDERS.handler.2.7.9.1763700000000000000.3"],
];
for (const [what, reply] of others) {
  Deno.test(`DeliveryParser parses a delivery of ${what}`, () => {
    const delivery = new DeliveryParser("ORDERS", "handle").parse(message("orders.created", reply))!;
    assert.equal(delivery.messageKey, "ORDERS.7.1763700000000000000");
    assert.deepEqual([delivery.sequence, delivery.deliveryCount, delivery.storedAtMs], [7, 2, 1_763_700_000_000]);
    assert.equal(ackSubjectText(delivery.ackSubject), reply);
  });
}

const left: [reply: string, pending: number][] = [
  ["$JS.ACK.ORDERS.handle.1.7.9.1763700000000000000.0", 0],
  ["$JS.ACK.ORDERS.handle.12.1234567.1234568.1763700000000000000.1000000", 1_000_000],
  ["$JS.ACK.hub.ACCHASH.ORDERS.handle.2.7.9.1763700000000000000.30.rnd", 30],
];
for (const [reply, pending] of left) {
  Deno.test(`pendingIn returns ${pending} for ${reply}`, () => assert.equal(pendingIn(UTF8.encode(reply)), pending));
}

for (const reply of [undefined, "_INBOX.x", "$JS.ACK.ORDERS"]) {
  Deno.test(`DeliveryParser returns undefined for a message with the reply ${reply}`, () => {
    assert.equal(new DeliveryParser("ORDERS", "handle").parse(message("orders.created", reply)), undefined);
  });
}

Deno.test("DeliveryParser keeps no view of the bytes that it has read", () => {
  const reader = new DeliveryParser("ORDERS", "handle"), reply = "$JS.ACK.ORDERS.handle.1.7.9.1763700000000000000.3";
  const first = message("orders.created", reply), named = first as unknown as { _msg: { subject: Uint8Array } };
  named._msg.subject = Buffer.from("orders.created"); // as the client has it: `slice` of it makes no copy
  reader.parse(first);
  named._msg.subject.set(UTF8.encode("orders.updated"));
  assert.equal(reader.parse(message("orders.updated", reply))!.subject, "orders.updated");
});
