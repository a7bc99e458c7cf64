import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { RawHeaders } from "../../runtime/nats/client/message_headers.ts";
import type { Header, StoredMessage } from "./model.ts";

const UTF8 = new TextEncoder(), TEXT_OF = new TextDecoder();
const encoded = new WeakMap<StoredMessage, { readonly hdr: number; readonly bytes: Uint8Array }>();

/** Returns a stored message as the NATS client would deliver it, with the bytes that `DeliveryParser` reads. */
export function toMsg(message: StoredMessage, reply: string, pin?: string): Msg {
  if (pin !== undefined) return pinnedMsg(message, reply, pin);
  let known = encoded.get(message);
  if (!known) {
    const block = headerBlock(message.headers);
    encoded.set(message, known = { hdr: block.length, bytes: joined(block, message.payload) });
  }
  const { subject, payload } = message, { hdr, bytes } = known;
  const raw = { hdr, subject: UTF8.encode(subject), reply: UTF8.encode(reply) };
  return { subject, reply, data: payload, _msg: raw, _rdata: bytes } as unknown as Msg;
}

/** A server adds the pin to the headers of each delivery. */
function pinnedMsg(message: StoredMessage, reply: string, pin: string): Msg {
  return toMsg({ ...message, headers: [...message.headers, ["Nats-Pin-Id", pin]] }, reply);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/** Returns the headers as the NATS client sends them, one line each. */
export function headerLines(hdrs: MsgHdrs): Header[] {
  const bytes = (hdrs as unknown as { encode(): Uint8Array }).encode();
  return [...new RawHeaders(TEXT_OF.decode(bytes)).entries()].map(([name, value]) => [name, value]);
}

function headerBlock(headers: readonly Header[]): Uint8Array {
  let text = "NATS/1.0\r\n";
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  return UTF8.encode(text + "\r\n");
}
