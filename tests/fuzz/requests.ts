import { CloudEvent, HTTP } from "cloudevents";
import fc from "fast-check";
import zlib from "node:zlib";

/** A request as bytes. */
export interface FuzzRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The connection can be used again: the server reads exactly these bytes as one request. */
  readonly isWhole: boolean;
}

const UTF8 = new TextEncoder();
const SECRETS = [...Array(6).fill("secret-of-shop"), ...Array(3).fill("secret-of-mail"), "wrong"];
const KNOWN = ["orders.created", "orders.any", "orders.strict"];
const TYPES = [...KNOWN, ...KNOWN, "orders.internal", "orders.gone"];
const PATHS = ["/events", "/orders", ...TYPES.map((type) => `/events/${type}`)];
const CONTENT_TYPES = [
  "application/json",
  "application/json; charset=utf-8",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
  "application/x-ndjson",
  "text/plain",
];

const nasty = fc.constantFrom(
  ...[
    "",
    " ",
    "\u0000",
    "\u001b[2J",
    "\u009b",
    "\u202e",
    "\ufffe",
    "\ud800",
    "%",
    "%FF",
    "%C0%80",
    '"',
    '"a',
    "a, b",
    "\\",
  ],
  ...[
    "__proto__",
    "constructor",
    "1.0",
    "null",
    "x".repeat(300),
    "\u{1f600}",
    "../..",
    "http://",
    "2026-02-30T25:00:00Z",
  ],
);
const text = fc.oneof(fc.string(), fc.string({ unit: "binary", maxLength: 20 }), nasty);
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
  fc.constantFrom("1e400", "9007199254740993", "-0", "[".repeat(3_000), `${"[".repeat(3_000)}${"]".repeat(3_000)}`, ""),
);
const order = fc.record({
  orderId: text,
  items: fc.array(fc.record({ sku: text, quantity: fc.oneof(fc.integer(), fc.double()) }, { requiredKeys: ["sku"] })),
}).map((data) => JSON.stringify(data));
const strict = fc.record({ count: fc.integer(), tags: fc.dictionary(text, fc.boolean()) }).map((data) =>
  JSON.stringify(data)
);
const data = fc.oneof(order, strict, json);

/** JSON of an object whose members are JSON texts already. */
function object(members: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(members).filter(([, value]) => value !== undefined);
  return `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

const quoted = text.map((value) => JSON.stringify(value));
const envelope = fc.record({
  specversion: fc.constantFrom('"1.0"', '"1.0"', '"1.0"', '"0.3"', "1"),
  id: fc.oneof(quoted, json),
  source: fc.oneof(fc.constant('"/shop"'), quoted),
  type: fc.oneof(fc.constantFrom(...TYPES.map((type) => JSON.stringify(type))), quoted),
  time: fc.oneof(fc.constant('"2026-11-21T10:00:00Z"'), quoted),
  datacontenttype: fc.oneof(fc.constant('"application/json"'), quoted),
  tenant: fc.oneof(quoted, json),
  data,
}, { requiredKeys: ["specversion", "type", "data"] }).map(object);

/** Bytes that were damaged on their way: some are lost, repeated or replaced. */
function damaged(whole: fc.Arbitrary<Uint8Array<ArrayBuffer>>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return fc.tuple(whole, fc.nat(), fc.nat(20), fc.uint8Array({ maxLength: 8 })).map(([bytes, at, length, insert]) => {
    const from = at % (bytes.length + 1);
    return Uint8Array.from([...bytes.slice(0, from), ...insert, ...bytes.slice(from + length)]);
  });
}

const body = fc.oneof(
  data,
  envelope,
  fc.array(envelope, { maxLength: 5 }).map((events) => `[${events.join(",")}]`),
  fc.array(fc.oneof(envelope, json, text), { maxLength: 8 }).map((lines) => lines.join("\n")),
).map((body) => UTF8.encode(body));

type Header = readonly [name: string, value: string];

/** Writes a request. A value's characters beyond Latin-1 are written as UTF-8. */
function write(method: string, path: string, headers: readonly Header[], body: Uint8Array): Uint8Array<ArrayBuffer> {
  const lines = headers.map(([name, value]) => `${name}: ${value.replace(/[\r\n\0]/g, " ")}\r\n`);
  const head = UTF8.encode(`${method} ${path} HTTP/1.1\r\n${lines.join("")}content-length: ${body.length}\r\n\r\n`);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

const authorization = fc.constantFrom(...SECRETS).map((secret): Header => ["authorization", `Bearer ${secret}`]);
const host = fc.constant<Header>(["host", "127.0.0.1"]);
const contentType = fc.constantFrom(...CONTENT_TYPES).map((type): Header => ["content-type", type]);
const attribute = fc.tuple(
  fc.constantFrom("id", "source", "type", "time", "specversion", "datacontenttype", "subject", "tenant", "traceparent"),
  fc.oneof(text.map((value) => encodeURIComponent(value.toWellFormed())), nasty, fc.constantFrom("1.0", ...TYPES)),
).map(([name, value]): Header => [`ce-${name}`, value.toWellFormed()]);
const other = fc.constantFrom<Header>(
  ["idempotency-key", '"a, b"'],
  ["idempotency-key", "a, b"],
  ["content-encoding", "gzip"],
  ["content-encoding", "zstd"],
  ["traceparent", "00-0-0-0"],
  ["baggage", "=;,"],
  ["nats-msg-id", "forged"],
  ["expect", "100-continue"],
  ["origin", "https://shop.example"],
  ["access-control-request-method", "POST"],
  ["prefer", "wait=1"],
  ["last-event-id", "ORDERS:1"],
);
const headers = fc.tuple(
  ...[host, contentType, authorization],
  fc.array(fc.oneof(attribute, other), { maxLength: 4 }),
).map(([host, contentType, authorization, more]) => [host, contentType, authorization, ...more]);

const posted = fc.tuple(fc.constantFrom(...PATHS), headers, fc.oneof(body, damaged(body)))
  .map(([path, headers, body]) => ({ bytes: write("POST", path, headers, body), isWhole: true }));

const ENCODERS = { gzip: zlib.gzipSync, zstd: zlib.zstdCompressSync } as const;
const encode = (coding: keyof typeof ENCODERS, bytes: Uint8Array) => new Uint8Array(ENCODERS[coding](bytes));
/** Bodies that are small, and unpack to more than a caller may send. */
const LARGE = [0, 10, 32].map((byte) => new Uint8Array(3_000_000).fill(byte));
const BOMBS = { gzip: LARGE.map((body) => encode("gzip", body)), zstd: LARGE.map((body) => encode("zstd", body)) };

/** A body that is packed, some damaged on their way, some packed as another coding than the header says. */
const packed = fc.constantFrom("gzip" as const, "zstd" as const).chain((coding) => {
  const whole = body.map((bytes) => encode(coding, bytes));
  const several = fc.array(body, { maxLength: 3 }).map((parts) =>
    Uint8Array.from(parts.flatMap((bytes) => [...encode(coding, bytes)]))
  );
  const bytes = fc.oneof(
    { weight: 4, arbitrary: whole },
    { weight: 1, arbitrary: several },
    { weight: 2, arbitrary: damaged(whole) },
    { weight: 1, arbitrary: body.map((bytes) => encode(coding === "gzip" ? "zstd" : "gzip", bytes)) },
    { weight: 1, arbitrary: fc.constantFrom(...BOMBS[coding]) },
  );
  return bytes.map((bytes) => ({ coding, bytes }));
});
const packedRequest = fc.tuple(fc.constantFrom(...PATHS), headers, packed).map((
  [path, headers, { coding, bytes }],
): FuzzRequest => ({
  bytes: write("POST", path, [...headers, ["content-encoding", coding]], bytes),
  isWhole: true,
}));

/** A request that should be accepted unless its type is unknown. */
const valid = fc.tuple(fc.constantFrom(...SECRETS.slice(0, -1)), fc.uuid(), order).map(([secret, id, order]) => {
  const fixed: Header[] = [["host", "weir"], ["content-type", "application/json"], [
    "authorization",
    `Bearer ${secret}`,
  ]];
  const bytes = write("POST", "/events/orders.any", [...fixed, ["idempotency-key", id]], UTF8.encode(order));
  return { bytes, isWhole: true };
});

/** Messages of the CloudEvents SDK, in every mode that it has. */
const sdk = fc.tuple(fc.constantFrom("binary", "structured", "batch"), fc.uuid(), order, fc.constantFrom(...TYPES))
  .map(([mode, id, order, type]): FuzzRequest => {
    const event = new CloudEvent({ id, source: "/sdk", type, data: JSON.parse(order), tenant: "a" });
    const message = mode === "binary" ? HTTP.binary(event) : HTTP.structured(event);
    const body = mode === "batch" ? `[${message.body}]` : String(message.body);
    const sent = { ...message.headers, ...(mode === "batch" && { "content-type": CONTENT_TYPES[3] }) };
    const headers: Header[] = [["host", "weir"], ["authorization", `Bearer ${SECRETS[0]}`]];
    for (const [name, value] of Object.entries(sent)) headers.push([name, String(value)]);
    return { bytes: write("POST", "/events", headers, UTF8.encode(body)), isWhole: true };
  });

const odd = fc.tuple(
  fc.constantFrom("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "FUZZ"),
  fc.oneof(
    fc.constantFrom(
      ...PATHS,
      "/health",
      "/health/live",
      "/nowhere",
      "*",
      "//x",
      "/%",
      "/events/%ff",
      "http://[/orders",
      "/openapi.json",
      "/problems",
      "/problems/__proto__",
      "/events/a/progress",
    ),
    text.map((value) => `/events/${encodeURIComponent(value.toWellFormed())}/progress`),
    text.map((value) => `/events/a/progress?stream=ORDERS&sequence=${encodeURIComponent(value.toWellFormed())}`),
    fc.nat(1_000).map((sequence) => `/events/a/progress?stream=ORDERS&sequence=${sequence}`),
    text.map((value) => `/events/${encodeURIComponent(value.toWellFormed())}`),
    fc.string({ maxLength: 2_000 }).map((value) => `/${value}`),
  ),
  fc.oneof(text, fc.constantFrom("[", "[::1", "x/events/orders.any?", "u:p@h", "h:99999", "a b", "xn--", "#", "weir")),
  headers,
  body,
).map(([method, path, host, headers, body]) => ({
  bytes: write(method, path, [["host", host.toWellFormed()], ...headers.slice(1)], body),
  isWhole: false,
}));

const raw = damaged(fc.oneof(posted, odd, valid).map(({ bytes }) => bytes)).map((bytes) => ({ bytes, isWhole: false }));
const chunked = fc.tuple(fc.constantFrom(...PATHS), headers, fc.array(body, { maxLength: 4 }), fc.boolean())
  .map(([path, headers, chunks, ends]): FuzzRequest => {
    const head = write("POST", path, [...headers, ["transfer-encoding", "chunked"]], new Uint8Array());
    const parts = [new TextDecoder().decode(head).replace("content-length: 0\r\n", "")];
    for (const chunk of chunks) {
      if (chunk.length > 0) parts.push(`${chunk.length.toString(16)}\r\n${new TextDecoder().decode(chunk)}\r\n`);
    }
    return { bytes: UTF8.encode(parts.join("") + (ends ? "0\r\n\r\n" : "")), isWhole: false };
  });

/** Requests of every kind. One in five is not HTTP as it should be, and has a connection of its own. */
export const anyRequest: fc.Arbitrary<FuzzRequest> = fc.oneof(
  { weight: 8, arbitrary: posted },
  { weight: 3, arbitrary: valid },
  { weight: 3, arbitrary: sdk },
  { weight: 4, arbitrary: packedRequest },
  { weight: 1, arbitrary: odd },
  { weight: 1, arbitrary: raw },
  { weight: 1, arbitrary: chunked },
);
