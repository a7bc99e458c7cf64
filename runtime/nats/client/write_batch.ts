/**
 * Acks and publishes leave in one write per event-loop tick. A write to a socket costs more than everything else that
 * is done for a message. If the client has no private field for that any more (`internals.ts`), each message is
 * published on its own.
 */
import { setImmediate } from "node:timers";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import { rawWriter } from "./internals.ts";

const ENCODER = new TextEncoder(), DECODER = new TextDecoder();

/** Collects items and passes on all of an event-loop tick at its end. */
export class TickQueue<Item> {
  #items: Item[] = [];

  constructor(readonly onTick: (items: readonly Item[]) => void) {}

  add(item: Item): void {
    if (this.#items.push(item) === 1) setImmediate(() => this.onTick(this.clear()));
  }

  /** Empties the queue and returns what was in it. */
  clear(): Item[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }
}

interface TextFrame {
  readonly subject: string;
  readonly reply: string;
  /** The header block with the empty line at its end. */
  readonly headers: string;
  readonly payload: string;
}

/** Text above this length, in UTF-16 units, is written without waiting for the end of the tick. */
const MAX_TEXT = 131_072;
/** The most bytes that a UTF-16 unit becomes in UTF-8. */
const BYTES_PER_UNIT = 3;
const WHITESPACE = /\s/;

/** Publishes that leave in one write. Hot path: their text is encoded once, instead of four arrays a message. */
export class PublishBatch {
  readonly #write: ((bytes: Uint8Array) => void) | undefined;
  #frames: TextFrame[] = [];
  #text = "";

  constructor(readonly nc: NatsConnection) {
    this.#write = rawWriter(nc);
  }

  /** Adds a message to the next {@linkcode flush}. Returns false when the caller must publish it on its own. */
  add(frame: TextFrame): boolean {
    const { subject, headers, payload } = frame, { nc } = this;
    if (!this.#write || nc.isClosed() || nc.isDraining() || WHITESPACE.test(subject)) return false;
    // The client itself checks, and refuses, a message that may be over the server's limit.
    if ((headers.length + payload.length) * BYTES_PER_UNIT > (nc.info?.max_payload ?? 0)) return false;
    this.#frames.push(frame);
    this.#text += textOf(frame, headers.length, payload.length);
    if (this.#text.length >= MAX_TEXT) this.flush();
    return true;
  }

  flush(): void {
    const frames = this.#frames, text = this.#text;
    if (frames.length === 0) return;
    this.#frames = [];
    this.#text = "";
    const bytes = ENCODER.encode(text);
    if (bytes.length === text.length) return this.#write!(bytes);
    // Some of the text is not ASCII, so the bytes of each message have to be counted.
    const counted = frames.map((frame) => textOf(frame, bytesIn(frame.headers), bytesIn(frame.payload)));
    this.#write!(ENCODER.encode(counted.join("")));
  }
}

function textOf({ subject, reply, headers, payload }: TextFrame, headerBytes: number, payloadBytes: number): string {
  return `HPUB ${subject} ${reply} ${headerBytes} ${headerBytes + payloadBytes}\r\n${headers}${payload}\r\n`;
}

function bytesIn(text: string): number {
  return ENCODER.encode(text).length;
}

export type AckConnection = Pick<NatsConnection, "publish" | "isClosed">;

const PUB = ENCODER.encode("PUB ");
/** Acks above this size, in bytes, are written without waiting for the end of the tick. */
const MAX_BYTES = 32_768;
/** Longest wait of an ack for the end of the tick, in milliseconds. Handlers that compute make a tick long. */
const MAX_WAIT_MS = 5;
/** Bound of the written acks that are remembered for a reconnect, in bytes: some 8,000 of them. */
const MAX_REMEMBERED_BYTES = 640_000;

/**
 * Acks and terms that leave in one write. A reconnect drops what the client has not sent yet, so recent ones are
 * remembered to be written again.
 */
export class AckBatch {
  readonly #write: ((bytes: Uint8Array) => void) | undefined;
  readonly #bytes = new Uint8Array(MAX_BYTES);
  #length = 0;
  /** When the first of the acks that wait was added, by `nowMs`. */
  #sinceMs = 0;
  /** The bytes after the subject, by answer. There are few different answers. */
  readonly #tails = new Map<string, Uint8Array>();
  #written: { readonly bytes: Uint8Array; readonly atMs: number }[] = [];
  #rememberedBytes = 0;

  /** @param atTickEnd Calls back at the end of the event-loop tick. Default: as `setImmediate` does. */
  constructor(
    readonly nc: AckConnection,
    readonly nowMs: () => number,
    readonly atTickEnd: (callback: () => void) => void = setImmediate,
  ) {
    this.#write = rawWriter(nc);
  }

  /** @param answer One of a few ASCII texts. @throws {ClosedConnectionError} */
  add(subject: Uint8Array, answer: string): void {
    if (this.nc.isClosed()) throw new errors.ClosedConnectionError();
    const tail = this.#tailOf(answer), nowMs = this.nowMs();
    if (this.#length + PUB.length + subject.length + tail.length > MAX_BYTES) this.flush();
    if (this.#length === 0) {
      this.#sinceMs = nowMs;
      this.atTickEnd(() => this.flush());
    }
    this.#append(PUB);
    this.#append(subject);
    this.#append(tail);
    if (nowMs - this.#sinceMs > MAX_WAIT_MS) this.flush();
  }

  /** Repeats the acks that were written since then. A second ack is harmless; a missing one leads to a redelivery. */
  repeat(sinceMs: number): void {
    const again = this.#written.filter(({ atMs }) => atMs >= sinceMs);
    this.#written = [];
    this.#rememberedBytes = 0;
    for (const { bytes } of again) this.#send(bytes);
  }

  #append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #tailOf(answer: string): Uint8Array {
    let tail = this.#tails.get(answer);
    if (!tail) this.#tails.set(answer, tail = ENCODER.encode(` ${answer.length}\r\n${answer}\r\n`));
    return tail;
  }

  /** Writes the acks that wait for the end of the tick. */
  flush(): void {
    if (this.#length === 0) return;
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    this.#send(bytes);
    this.#written.push({ bytes, atMs: this.nowMs() });
    this.#rememberedBytes += bytes.length;
    while (this.#rememberedBytes > MAX_REMEMBERED_BYTES) {
      this.#rememberedBytes -= this.#written.shift()!.bytes.length;
    }
  }

  #send(bytes: Uint8Array): void {
    if (this.nc.isClosed()) return; // JetStream delivers again what is not acked
    if (this.#write) return this.#write(bytes);
    for (const [, subject, answer] of DECODER.decode(bytes).matchAll(/PUB (\S+) \d+\r\n(.*)\r\n/g)) {
      this.nc.publish(subject, answer);
    }
  }
}
