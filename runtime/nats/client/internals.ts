/**
 * Everything that Weir takes from the NATS client besides its public API. Each function returns what the public API
 * gives, more slowly, once the client has moved a field; tests/nats/client/internals_test.ts fails then.
 */
import {
  getResolveFn,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  setTransportFactory,
  type Transport,
  wsUrlParseFn,
} from "@nats-io/transport-node";
import { entriesOf, RawHeaders, readStatus } from "./message_headers.ts";

const UTF8 = new TextDecoder(), ENCODER = new TextEncoder();

interface PrivateConnection {
  readonly protocol?: {
    sendCommand?: (bytes: Uint8Array) => void;
    parser?: Partial<ClientParser>;
    transport?: { constructor: unknown; close?: () => Promise<void> };
  };
}

interface PrivateMessage {
  readonly _msg?: { readonly hdr: number; readonly subject: Uint8Array; readonly reply?: Uint8Array };
  readonly _rdata?: Uint8Array<ArrayBuffer>;
}

/** The client's parser of all that the server sends. */
export interface ClientParser {
  readonly state: number;
  /** The first line of a message that is not here as a whole. */
  readonly ma?: { readonly size: number };
  /** The part of its payload that is here. */
  readonly msgBuf?: { readonly length: number };
  /** The connection's: that of all its parsers, since each reconnect makes a new one. */
  readonly dispatcher: { push(parsed: ParsedMessage): void };
  parse(this: ClientParser, chunk: Uint8Array): void;
}

interface ParsedMessage {
  readonly kind: number;
  readonly msg: {
    readonly subject: Uint8Array;
    readonly sid: number;
    readonly reply: Uint8Array | undefined;
    /** Bytes of the headers; -1 without headers. */
    readonly hdr: number;
    /** Bytes of headers and payload. */
    readonly size: number;
  };
  readonly data: Uint8Array;
}

/** Returns the present parser of a connection. Undefined when the client has moved it. */
export function parserOf(nc: NatsConnection): ClientParser | undefined {
  const { parser } = (nc as PrivateConnection).protocol ?? {};
  const isKnown = typeof parser?.state === "number" && typeof parser.parse === "function" &&
    typeof parser.dispatcher?.push === "function";
  return isKnown ? parser as ClientParser : undefined;
}

/**
 * Returns a function that writes protocol text to the connection, several messages at once. The public API writes
 * each message on its own. Undefined when the client has moved it.
 */
export function rawWriter(nc: Pick<NatsConnection, "publish">): ((bytes: Uint8Array) => void) | undefined {
  const { protocol } = nc as PrivateConnection;
  return typeof protocol?.sendCommand === "function" ? (bytes) => protocol.sendCommand!(bytes) : undefined;
}

/**
 * Returns a function that restores the transport of a connection, for the next dial. The client keeps one transport for
 * all connections, so that a connection by websocket and another by TCP would take each other's.
 */
export function ownTransport(nc: NatsConnection): () => void {
  const Own = (nc as PrivateConnection).protocol?.transport?.constructor as (new () => Transport) | undefined;
  if (typeof Own !== "function") return () => {};
  const isWebSocket = Own.name === "WsTransport", dnsResolveFn = isWebSocket ? undefined : getResolveFn();
  const factory = () => new Own();
  return () =>
    setTransportFactory({ factory, dnsResolveFn, ...(isWebSocket && { urlParseFn: wsUrlParseFn, defaultPort: 443 }) });
}

/**
 * Returns a function that closes the present socket of a connection, once the client gives it up, so that it dials
 * again. Before it closes an encrypted socket by itself, the client waits for an empty write, which may never end in
 * Deno. The socket is chosen now, since the client may be dialing by the time a listener learns of the end: a websocket
 * that is closed meanwhile ends that dial only after 20 seconds.
 */
export function socketCloser(nc: Pick<NatsConnection, "status">): () => void {
  const transport = (nc as PrivateConnection).protocol?.transport;
  return () => void transport?.close?.();
}

interface HeadersClass {
  new (code?: number, description?: string): MsgHdrs;
  decode?: (bytes: Uint8Array) => MsgHdrs;
}

/**
 * Adds a header whose name and value NATS can carry. The client's own `append` searches all names at each call: a
 * message of 60,000 headers took half a minute.
 */
export function appendHeader(hdrs: MsgHdrs, name: string, value: string): void {
  const { headers: lists } = hdrs as unknown as { headers?: Map<string, string[]> };
  if (!(lists instanceof Map)) return hdrs.append(name, value);
  const values = lists.get(name);
  if (values) values.push(value.trim());
  else lists.set(name, [value.trim()]);
}

let readsOddHeaders = false;

/**
 * Replaces the client's reader of headers by one that leaves out faulty lines instead of throwing. The client reads
 * headers in many places, also in callbacks, where a throw ends the reading of the whole connection. So a single
 * message of another publisher would stop every function.
 */
export function readOddHeaders(): void {
  const Headers = headers().constructor as HeadersClass, { decode } = Headers;
  if (!decode || readsOddHeaders) return;
  readsOddHeaders = true;
  Headers.decode = (bytes) => {
    try {
      return decode(bytes);
    } catch {
      const text = UTF8.decode(bytes), { code, description } = readStatus(text) ?? {};
      const hdrs = new Headers(code, description);
      for (const [name, value] of new RawHeaders(text).entries()) {
        try {
          hdrs.append(name, value);
        } catch {
          // The client cannot hold this header.
        }
      }
      return hdrs;
    }
  };
}
/**
 * Returns the headers of a message as text, and its payload. The client's own reader throws on header names that NATS
 * carries unchecked. A throw in a subscription's callback ends the reading of the whole connection, so one message with
 * such a name would stop every function. Hot path: a part of plain bytes is cheaper than a part of the client's
 * `Buffer`.
 */
export function splitMessage(msg: Msg): { readonly headers: string; readonly payload: Uint8Array } {
  const { _msg: raw, _rdata: data } = msg as unknown as PrivateMessage;
  if (raw === undefined || data === undefined) return { headers: headerText(msg.headers), payload: msg.data };
  const { hdr } = raw;
  if (hdr <= 0) return { headers: "", payload: msg.data };
  const { buffer, byteOffset, length } = data;
  return {
    headers: UTF8.decode(new Uint8Array(buffer, byteOffset, hdr)),
    payload: new Uint8Array(buffer, byteOffset + hdr, length - hdr),
  };
}

/** Returns the subject and the reply subject of a message as bytes. */
export function addressOf(msg: Msg): { readonly subject: Uint8Array; readonly reply?: Uint8Array } {
  const { _msg: raw } = msg as unknown as PrivateMessage;
  if (raw?.subject !== undefined) return raw;
  return { subject: ENCODER.encode(msg.subject), reply: msg.reply ? ENCODER.encode(msg.reply) : undefined };
}

function headerText(hdrs: MsgHdrs | undefined): string {
  if (hdrs === undefined) return "";
  const status = hdrs.code > 0 ? ` ${hdrs.code} ${hdrs.description}` : "";
  return `NATS/1.0${status}\r\n${entriesOf(hdrs).map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
