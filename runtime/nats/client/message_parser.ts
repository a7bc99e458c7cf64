import type { NatsConnection } from "@nats-io/transport-node";
import { type ClientParser, parserOf } from "./internals.ts";

const ENCODER = new TextEncoder();
const HMSG = ENCODER.encode("HMSG "), MSG = ENCODER.encode("MSG ");
const NEWLINE = 0x0a, RETURN = 0x0d, SPACE = 0x20, ZERO = 0x30;
const LINE_END = 2;
/** The size of the headers, as the client has it, of a message without headers. */
const NO_HEADERS = -1;
/** Digits that a number may have here. Longer ones are left to the client. */
const MAX_DIGITS = 9;
/** The client's numbers of a state and of a kind of message. */
export const AT_START = 0, IN_PAYLOAD = 15, MESSAGE = 2;

const replaced = new WeakSet<object>();
/** Dispatchers of the connections whose messages are parsed here. */
const dispatchers = new WeakSet<object>();

/**
 * Replaces the client's parser for messages that arrive whole: the client looks at each byte of their first line twice,
 * and makes eight views of Node's `Buffer`, see bench. It still parses everything else, and all of other connections of
 * the process: their messages are such views, which their owners may rely on. Without effect when the client has moved
 * its parser.
 */
export function parseWholeMessages(nc: NatsConnection): void {
  const parser = parserOf(nc);
  if (!parser) return;
  dispatchers.add(parser.dispatcher);
  const prototype: ClientParser = Object.getPrototypeOf(parser);
  if (replaced.has(prototype)) return;
  replaced.add(prototype);
  const { parse } = prototype;
  prototype.parse = function (chunk) {
    if (!dispatchers.has(this.dispatcher)) return parse.call(this, chunk);
    // A view of plain bytes is cheaper than one of a `Buffer`.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = 0; at < bytes.length;) {
      const end = this.state === AT_START ? parseMessage(this.dispatcher, bytes, at) : endOfSplit(this, bytes, at);
      if (end < 0) return parse.call(this, bytes.subarray(at));
      if (this.state !== AT_START) parse.call(this, bytes.subarray(at, end));
      at = end;
    }
  };
}

/** Returns where a message or line ends that an earlier chunk began; at the most the end of this chunk. */
function endOfSplit({ state, ma, msgBuf }: ClientParser, bytes: Uint8Array, at: number): number {
  const end = state === IN_PAYLOAD && ma && msgBuf
    ? at + ma.size - msgBuf.length + LINE_END
    : bytes.indexOf(NEWLINE, at) + 1;
  return end > at ? Math.min(end, bytes.length) : bytes.length;
}

/**
 * Passes on the message that begins at an offset: `HMSG <subject> <sid> [reply] <hdr> <size>`, or `MSG` without
 * `<hdr>`. The reply is there if the line has one more token than without it. Returns where the message ends, or -1 for
 * anything else, also for a message that is not here as a whole.
 */
function parseMessage(dispatcher: ClientParser["dispatcher"], bytes: Uint8Array, at: number): number {
  const hasHeaders = bytes[at] === HMSG[0], operation = hasHeaders ? HMSG : MSG;
  for (let i = 0; i < operation.length; i++) if (bytes[at + i] !== operation[i]) return -1;
  const subjectAt = at + operation.length, subjectEnd = tokenEnd(bytes, subjectAt - 1);
  const sidEnd = tokenEnd(bytes, subjectEnd), third = tokenEnd(bytes, sidEnd);
  const hasReply = bytes[hasHeaders ? tokenEnd(bytes, third) : third] === SPACE, replyEnd = hasReply ? third : sidEnd;
  const hdrEnd = hasHeaders ? tokenEnd(bytes, replyEnd) : replyEnd, sizeEnd = tokenEnd(bytes, hdrEnd);
  const sid = numberIn(bytes, subjectEnd + 1, sidEnd), size = numberIn(bytes, hdrEnd + 1, sizeEnd);
  const hdr = hasHeaders ? numberIn(bytes, replyEnd + 1, hdrEnd) : NO_HEADERS;
  const payloadAt = sizeEnd + LINE_END, end = payloadAt + size;
  const isLine = bytes[subjectEnd] === SPACE && bytes[sidEnd] === SPACE && bytes[replyEnd] === SPACE &&
    bytes[hdrEnd] === SPACE && isLineEnd(bytes, sizeEnd);
  const isWhole = isLine && subjectEnd > subjectAt && sid >= 0 && size >= 0 && isLineEnd(bytes, end);
  if (!isWhole || hasHeaders && (hdr < 0 || hdr > size) || hasReply && replyEnd === sidEnd + 1) return -1;
  const subject = bytes.subarray(subjectAt, subjectEnd);
  const reply = hasReply ? bytes.subarray(sidEnd + 1, replyEnd) : undefined;
  dispatcher.push({ kind: MESSAGE, msg: { subject, sid, reply, hdr, size }, data: bytes.subarray(payloadAt, end) });
  return end + LINE_END;
}

/** Returns the offset of the space or line end after the token that follows a space. */
function tokenEnd(bytes: Uint8Array, space: number): number {
  let at = space + 1;
  while (at < bytes.length && bytes[at] > SPACE) at++;
  return at;
}

/** Returns a number of few digits, or -1 for anything else. */
function numberIn(bytes: Uint8Array, from: number, to: number): number {
  if (to <= from || to - from > MAX_DIGITS) return -1;
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = bytes[i] - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    number = number * 10 + digit;
  }
  return number;
}

function isLineEnd(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === RETURN && bytes[at + 1] === NEWLINE;
}
