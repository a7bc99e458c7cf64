import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import type { Header, StoredMessage } from "./model.ts";

const UTF8 = new TextEncoder();
const encoded = new WeakMap<StoredMessage, Uint8Array>();

/** A stored message as the client of NATS would hand it over, down to the bytes that `toDelivery` reads. */
export function toMsg(message: StoredMessage, reply: string): Msg {
  let block = encoded.get(message);
  if (!block) encoded.set(message, block = headerBlock(message.headers));
  const { subject, payload } = message;
  return { subject, reply, data: payload, _msg: { hdr: block.length }, _rdata: block } as unknown as Msg;
}

/** Headers as a client of NATS holds them, one line each. */
export function headerLines(hdrs: MsgHdrs): Header[] {
  const lines: Header[] = [];
  for (const [name, values] of hdrs) for (const value of values) lines.push([name, value]);
  return lines;
}

function headerBlock(headers: readonly Header[]): Uint8Array {
  let text = "NATS/1.0\r\n";
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  return UTF8.encode(text + "\r\n");
}
