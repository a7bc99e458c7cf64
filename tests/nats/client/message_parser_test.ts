import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import fc from "fast-check";
import { type ClientParser, parserOf } from "../../../runtime/nats/client/internals.ts";
import { AT_START, IN_PAYLOAD, MESSAGE, parseWholeMessages } from "../../../runtime/nats/client/message_parser.ts";
import { startBroker } from "../../support/nats.ts";

const DECODER = new TextDecoder();
const OWN_KINDS: Readonly<Record<number, string>> = { 0: "OK", 1: "ERR", 4: "PING", 5: "PONG" };

type Pushed = Parameters<ClientParser["dispatcher"]["push"]>[0];
type ParserClass = new (dispatcher: ClientParser["dispatcher"]) => ClientParser;

/** Returns the class of the client's parsers. */
async function parserClass(): Promise<ParserClass> {
  await using broker = await startBroker();
  const parser = parserOf(broker.nc);
  assert.ok(parser, "protocol.parser has moved: see runtime/nats/client/internals.ts");
  return parser.constructor as ParserClass;
}

/** Returns a parser with the replaced method, as a connection has it. */
function newParser(push: (pushed: Pushed) => void): ClientParser {
  const parser = new Parser({ push });
  parseWholeMessages({ protocol: { parser } } as unknown as NatsConnection);
  return parser;
}

const Parser = await parserClass();

/** Returns what a parser passes on of some chunks, as text. */
function parsed(chunks: readonly Uint8Array[], receive: (pushed: Pushed) => void = () => {}): string[] {
  const seen: string[] = [], text = (bytes: Uint8Array | undefined) => bytes && DECODER.decode(bytes);
  const parser = newParser((pushed) => {
    receive(pushed);
    const { kind, msg, data } = pushed;
    seen.push(
      kind === MESSAGE
        ? JSON.stringify([text(msg.subject), msg.sid, text(msg.reply), msg.hdr, msg.size, text(data)])
        : OWN_KINDS[kind] ?? String(kind),
    );
  });
  for (const chunk of chunks) parser.parse(chunk);
  return seen;
}

interface Sent {
  readonly line: string;
  readonly body?: string;
  readonly expected: string;
}

const token = fc.stringMatching(/^[!-~]{1,20}$/), sid = fc.integer({ min: 1, max: 99_999 });
const payload = fc.string({ maxLength: 40 }).map((text) => `\r\n${text}\nHMSG a 1 2 3\r\n`);
const sent: fc.Arbitrary<Sent> = fc.oneof(
  fc.constantFrom("PING", "PONG", "+OK").map((line) => ({ line, expected: line.replace("+", "") })),
  fc.record({ subject: token, sid, reply: fc.option(token), headers: fc.string({ maxLength: 30 }), payload })
    .map(({ subject, sid, reply, headers, payload }) => {
      const hdr = Buffer.byteLength(headers), body = headers + payload, size = Buffer.byteLength(body);
      return {
        line: ["HMSG", subject, sid, ...reply === null ? [] : [reply], hdr, size].join(" "),
        body: body,
        expected: JSON.stringify([subject, sid, reply ?? undefined, hdr, size, DECODER.decode(Buffer.from(body))]),
      };
    }),
  fc.record({ subject: token, sid, reply: fc.option(token), between: fc.constantFrom(" ", "  ", "\t"), payload })
    .map(({ subject, sid, reply, between, payload }) => {
      const size = Buffer.byteLength(payload);
      return {
        line: ["MSG", subject, sid, ...reply === null ? [] : [reply], size].join(between),
        body: payload,
        expected: JSON.stringify([subject, sid, reply ?? undefined, -1, size, DECODER.decode(Buffer.from(payload))]),
      };
    }),
);

Deno.test("parseWholeMessages passes on what the server sent, wherever its chunks are cut", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 });
  fc.assert(fc.property(fc.array(sent, { maxLength: 8 }), cuts, (all, cuts) => {
    const bytes = Buffer.from(
      all.map(({ line, body }) => `${line}\r\n${body === undefined ? "" : `${body}\r\n`}`).join(""),
    );
    const chunks: Uint8Array[] = [];
    let at = 0;
    for (const cut of cuts) chunks.push(bytes.subarray(at, at += cut));
    chunks.push(bytes.subarray(at));
    assert.deepEqual(parsed(chunks), all.map(({ expected }) => expected));
  }));
});

Deno.test("parseWholeMessages makes no views of Node's Buffer, and leaves odd lines to the client", () => {
  const views: Pushed[] = [];
  const [read] = parsed([Buffer.from("HMSG a 1 b 2 4\r\nhhpp\r\n")], (pushed) => views.push(pushed));
  assert.equal(read, JSON.stringify(["a", 1, "b", 2, 4, "hhpp"]));
  const [{ msg, data }] = views;
  assert.deepEqual([msg.subject, msg.reply!, data].filter((view) => view instanceof Buffer), []);
  assert.deepEqual(parsed([Buffer.from("hmsg a\t1 b  2 4\r\nhhpp\r\n")]), [read]);
  assert.deepEqual(parsed([Buffer.from("HMSG a 1  2 4\r\nhhpp\r\n")]), [read.replace('"b"', "null")]);
  const [plain] = parsed([Buffer.from("MSG a 1 b 4\r\npppp\r\n")], (pushed) => views.push(pushed));
  assert.equal(plain, JSON.stringify(["a", 1, "b", -1, 4, "pppp"]));
  assert.ok(!(views.at(-1)!.data instanceof Buffer));
  assert.deepEqual(parsed([Buffer.from("msg a\t1 b  4\r\npppp\r\n")]), [plain]);
  for (const line of ["MSG a 1 b c 4", "MSG a x 4", "MSG a 1", "MSG a 1 b"]) {
    assert.throws(() => parsed([Buffer.from(`${line}\r\npppp\r\n`)]), /Parse Error|Bad or Missing|parse error/, line);
  }
  for (const line of ["HMSG a 1 b 5 4", "HMSG a x b 2 4", "HMSG a 1 b 2", "HMSG a 1 b c 2 4", "HMSG a 1 2\n2 4"]) {
    assert.throws(() => parsed([Buffer.from(`${line}\r\nhhpp\r\n`)]), /Parse Error|Bad or Missing|parse error/, line);
  }
});

Deno.test("parseWholeMessages knows the client's numbers of states", () => {
  const parser = newParser(() => {}), feed = (text: string) => parser.parse(Buffer.from(text));
  assert.equal(parser.state, AT_START);
  feed("HMSG a 1 2 4\r\nhh");
  assert.equal(parser.state, IN_PAYLOAD, "State has moved: see runtime/nats/client/message_parser.ts");
  assert.deepEqual([parser.ma?.size, parser.msgBuf?.length], [4, 2]);
  feed("pp\r\n");
  assert.equal(parser.state, AT_START);
  feed("MSG a 1 4\r\npp");
  assert.equal(parser.state, IN_PAYLOAD);
  feed("pp\r\n");
  assert.equal(parser.state, AT_START);
});

Deno.test("parseWholeMessages leaves connections of others as they are", async () => {
  await using broker = await startBroker();
  const other = await connect({ servers: broker.server.url });
  try {
    const messages = other.subscribe("text", { max: 2 });
    await other.flush();
    broker.nc.publish("text", "plain");
    broker.nc.publish("text", "with headers", { headers: headers() });
    const texts: string[] = [];
    for await (const { data } of messages) texts.push(data.toString()); // the client's `Buffer` gives text
    assert.deepEqual(texts, ["plain", "with headers"]);
  } finally {
    await other.close();
  }
});
