import assert from "node:assert/strict";
import { headers, type Msg, type MsgHdrs } from "@nats-io/transport-node";
import {
  addressOf,
  appendHeader,
  ownTransport,
  rawWriter,
  socketCloser,
  splitMessage,
} from "../../../runtime/nats/client/internals.ts";
import { RawHeaders, readStatus } from "../../../runtime/nats/client/message_headers.ts";
import { startBroker } from "../../support/nats.ts";

function hasRawMessage(msg: Msg): boolean {
  const { _msg: raw, _rdata: data } = msg as unknown as {
    _msg?: { hdr: number; subject: Uint8Array };
    _rdata: unknown;
  };
  return typeof raw?.hdr === "number" && raw.subject instanceof Uint8Array && data instanceof Uint8Array;
}

Deno.test("the NATS client still has the private fields that internals.ts reads", async () => {
  await using broker = await startBroker();
  const msg = Promise.withResolvers<Msg>();
  broker.nc.subscribe("orders", { callback: (_, received) => msg.resolve(received) });
  rawWriter(broker.nc)?.(new TextEncoder().encode("PUB orders answers.1 2\r\n{}\r\n"));
  assert.ok(rawWriter(broker.nc), "protocol.sendCommand has moved: see runtime/nats/client/internals.ts");
  assert.ok(hasRawMessage(await msg.promise), "_msg or _rdata has moved: see runtime/nats/client/internals.ts");
  const { decode } = headers().constructor as { decode?: (bytes: Uint8Array) => MsgHdrs };
  const hdrs = decode?.(new TextEncoder().encode("NATS/1.0 100 Idle Heartbeat\r\nOrder Number: 7\r\nx: 1\r\n\r\n"));
  assert.deepEqual([hdrs?.code, hdrs?.description, [...hdrs ?? []]], [100, "Idle Heartbeat", [["x", ["1"]]]]);
});

/** A message as the public API alone shows it, and as the client gives it. */
async function received(hdrs = headers()): Promise<{ msg: Msg; publicOnly: Msg }> {
  await using broker = await startBroker();
  const promise = new Promise<Msg>((resolve) => broker.nc.subscribe("orders", { callback: (_, msg) => resolve(msg) }));
  broker.nc.publish("orders", "{}", { headers: hdrs, reply: "answers.1" });
  const msg = await promise, { subject, reply, data } = msg;
  return { msg, publicOnly: { subject, reply, data, headers: msg.headers } as Msg };
}

Deno.test("splitMessage and addressOf return the same without the private fields", async () => {
  const hdrs = headers();
  hdrs.append("ce-id", "o1");
  hdrs.append("x-note", "one");
  hdrs.append("x-note", "two");
  const { msg, publicOnly } = await received(hdrs);
  assert.equal(hasRawMessage(publicOnly), false);
  const read = (from: Msg) => {
    const { headers, payload } = splitMessage(from), { subject, reply } = addressOf(from);
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return [[...new RawHeaders(headers).entries()], text(payload), text(subject), text(reply!)];
  };
  const entries = [["ce-id", "o1"], ["x-note", "one"], ["x-note", "two"]];
  assert.deepEqual(read(msg), [entries, "{}", "orders", "answers.1"]);
  assert.deepEqual(read(publicOnly), read(msg));
});

Deno.test("splitMessage keeps a status without the private fields", () => {
  const msg = { subject: "inbox", data: new Uint8Array(), headers: headers(503, "No Responders") } as unknown as Msg;
  assert.deepEqual(readStatus(splitMessage(msg).headers), { code: 503, description: "No Responders" });
});

Deno.test("rawWriter is undefined when the client has moved its protocol", () => {
  assert.equal(rawWriter({ publish: () => {} }), undefined);
});

Deno.test("appendHeader adds what the client's own append does", () => {
  const ours = headers(), own = headers();
  for (const [name, value] of [["ce-id", "1"], ["X-Note", " für 🚂 "], ["ce-id", "2"]]) {
    appendHeader(ours, name, value);
    own.append(name, value);
  }
  assert.deepEqual([...ours], [...own]);
  const calls: unknown[] = [];
  appendHeader({ append: (...call: unknown[]) => void calls.push(call) } as unknown as MsgHdrs, "ce-id", "1");
  assert.deepEqual(calls, [["ce-id", "1"]], "the field has moved");
});

Deno.test("socketCloser closes the socket of its call, not a later one, and ownTransport finds the transport", async () => {
  await using broker = await startBroker();
  const { nc } = broker, reconnected = Promise.withResolvers<void>();
  let disconnects = 0;
  const following = (async () => {
    for await (const { type } of nc.status()) {
      if (type === "reconnect") reconnected.resolve();
      if (type === "disconnect") disconnects++;
    }
  })();
  const { transport } = (nc as unknown as { protocol: { transport: object } }).protocol;
  assert.equal(transport.constructor.name, "NodeTransport");
  ownTransport(nc)();
  const close = socketCloser(nc);
  close();
  await reconnected.promise;
  close(); // as a listener does that learns late of the end of the first socket
  await nc.flush();
  assert.equal(disconnects, 1);
  await nc.close();
  await following;
});
