import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PubAckReader } from "../../../runtime/nats/publish/pub_ack.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("PubAckReader reads each ack as JSON.parse does, whatever came before", () => {
  const texts = [
    '{"stream":"ORDERS","seq":7}',
    '{"stream":"ORDERS","seq":8}',
    '{"stream":"ORDERS","seq":1234567890123}',
    '{"stream":"ORDERS","seq":9,"duplicate": true}',
    '{"stream":"ORDERS","seq":10}',
    '{"stream":"PAYMENTS","domain":"eu","seq":1}',
    '{"stream":"PAYMENTS","domain":"eu","seq":2}',
    '{"stream":"ORDERT","seq":3}',
    '{"stream":"ORDERT","seq":4,"val":"17"}',
    '{"stream":"ORDERT","seq":0}',
    '{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"ORDERT","seq":0}',
    '{"stream":"ORDERT","seq":5}',
    '{"stream":"ORDERT"}',
    '{"seq":11, "stream":"ORDERT"}',
    "{}",
  ];
  const acks = new PubAckReader();
  for (const text of [...texts, ...texts.toReversed()]) {
    const { stream, seq, duplicate, error } = acks.read(bytes(text)), expected = JSON.parse(text);
    const { stream: inStream, seq: at, duplicate: again, error: refusal } = expected;
    assert.deepEqual([stream, seq, duplicate, error], [inStream, at, again, refusal], text);
  }
});

for (
  const text of ['{"stream":"ORDERS","seq":}', '{"stream":"ORDERS","seq":7', '{"stream":"ORDERS","seq":7x}', "", "}"]
) {
  Deno.test(`PubAckReader refuses ${JSON.stringify(text)}, also after an ack that begins like it`, () => {
    const acks = new PubAckReader();
    acks.read(bytes('{"stream":"ORDERS","seq":6}'));
    assert.throws(() => acks.read(bytes(text)), SyntaxError);
  });
}

Deno.test("PubAckReader keeps no view of the bytes that it has read", () => {
  const acks = new PubAckReader(), first = Buffer.from('{"stream":"ORDERS","seq":6}'); // as the client has it
  acks.read(first);
  first.set(bytes('{"stream":"EVENTS","seq":6}'));
  assert.equal(acks.read(bytes('{"stream":"EVENTS","seq":7}')).stream, "EVENTS");
});
