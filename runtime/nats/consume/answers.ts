import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { AckSubject } from "../../core/delivery.ts";

/** What a connection is needed for here. */
export type Sender = Pick<NatsConnection, "publish" | "isClosed">;

const UTF8 = new TextEncoder(), TEXT_OF = new TextDecoder();
const PUB = UTF8.encode("PUB ");
/** So much is sent without waiting for the end of the turn. */
const MOST_BYTES = 32_768;
/** So much of what was sent is remembered for a reconnect: some 8,000 answers. */
const REMEMBERED_BYTES = 640_000;

/** What was sent together, as it went out. */
interface Sent {
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

/**
 * Answers that end the matter with a delivery, in groups: those of one turn leave as one piece of bytes. To publish each
 * by itself costs 1.6 µs, most of it in making two arrays of bytes, and its share of a group 0.05. What was sent is kept
 * for a while as well, since a client that dials again drops what it had not got out.
 *
 * The client has no public way to send several messages at once. Here alone its protocol is used from inside; where it
 * is not as expected, each answer is published by itself, and a test fails.
 */
export class Answers {
  readonly #send: ((command: Uint8Array) => void) | undefined;
  readonly #bytes = new Uint8Array(MOST_BYTES);
  #length = 0;
  /** What comes after the subject, of each answer: there are few. */
  readonly #tails = new Map<string, Uint8Array>();
  #sent: Sent[] = [];
  #remembered = 0;

  constructor(readonly nc: Sender, readonly nowMs: () => number) {
    const { protocol } = nc as { protocol?: { sendCommand?: (command: Uint8Array) => void } };
    if (typeof protocol?.sendCommand === "function") this.#send = (command) => protocol.sendCommand!(command);
  }

  /** Whether answers are sent in groups. */
  get grouped(): boolean {
    return this.#send !== undefined;
  }

  /** @param answer one of few, in ASCII @throws {ClosedConnectionError} */
  give(handle: AckSubject, answer: string): void {
    if (this.nc.isClosed()) throw new errors.ClosedConnectionError();
    const subject = typeof handle === "string" ? UTF8.encode(handle) : handle, tail = this.#tailOf(answer);
    if (this.#length + PUB.length + subject.length + tail.length > MOST_BYTES) this.#flush();
    if (this.#length === 0) queueMicrotask(() => this.#flush());
    this.#add(PUB);
    this.#add(subject);
    this.#add(tail);
  }

  /** Gives again what was given since then: to say it twice does no harm, and unsaid an event would be handled twice. */
  repeat(sinceMs: number): void {
    const again = this.#sent.filter(({ atMs }) => atMs >= sinceMs);
    this.#sent = [];
    this.#remembered = 0;
    for (const { bytes } of again) this.#put(bytes);
  }

  #add(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #tailOf(answer: string): Uint8Array {
    let tail = this.#tails.get(answer);
    if (!tail) this.#tails.set(answer, tail = UTF8.encode(` ${answer.length}\r\n${answer}\r\n`));
    return tail;
  }

  #flush(): void {
    if (this.#length === 0) return;
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    this.#put(bytes);
    this.#sent.push({ bytes, atMs: this.nowMs() });
    this.#remembered += bytes.length;
    while (this.#remembered > REMEMBERED_BYTES) this.#remembered -= this.#sent.shift()!.bytes.length;
  }

  #put(bytes: Uint8Array): void {
    if (this.nc.isClosed()) return; // it went down with the connection, as what is on its way does
    if (this.#send) return this.#send(bytes);
    for (const [, handle, answer] of TEXT_OF.decode(bytes).matchAll(/PUB (\S+) \d+\r\n(.*)\r\n/g)) {
      this.nc.publish(handle, answer);
    }
  }
}

/** The subject that a delivery is answered on. */
export function textOf(handle: AckSubject): string {
  return typeof handle === "string" ? handle : TEXT_OF.decode(handle);
}
