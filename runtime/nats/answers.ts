import { errors, type NatsConnection } from "@nats-io/transport-node";

/** What a connection is needed for here. */
export type Sender = Pick<NatsConnection, "publish" | "isClosed">;

/** So much text is sent without waiting for the end of the turn. */
const MOST_TEXT = 32_768;
/** So much of what was sent is remembered for a reconnect: some 8,000 answers. */
const REMEMBERED_TEXT = 640_000;

/** What was sent together, as it went out. */
interface Sent {
  readonly text: string;
  readonly atMs: number;
}

/**
 * Answers that end the matter with a delivery, in groups: those of one turn leave as one piece of text. To publish each
 * by itself costs 1.6 µs, most of it in making two arrays of bytes, and a group's share of its text 0.1. What was sent
 * is kept for a while as well, since a client that dials again drops what it had not got out.
 *
 * The client has no public way to send several messages at once. Here alone its protocol is used from inside; where it
 * is not as expected, each answer is published by itself, and a test fails.
 */
export class Answers {
  readonly #send: ((text: string) => void) | undefined;
  #text = "";
  #sent: Sent[] = [];
  #remembered = 0;

  constructor(readonly nc: Sender, readonly nowMs: () => number) {
    const { protocol } = nc as { protocol?: { sendCommand?: (text: string) => void } };
    if (typeof protocol?.sendCommand === "function") this.#send = (text) => protocol.sendCommand!(text);
  }

  /** Whether answers are sent in groups. */
  get grouped(): boolean {
    return this.#send !== undefined;
  }

  /** @param answer in ASCII @throws {ClosedConnectionError} */
  give(handle: string, answer: string): void {
    if (this.nc.isClosed()) throw new errors.ClosedConnectionError();
    if (this.#text === "") queueMicrotask(() => this.#flush());
    this.#text += `PUB ${handle} ${answer.length}\r\n${answer}\r\n`;
    if (this.#text.length >= MOST_TEXT) this.#flush();
  }

  /** Gives again what was given since then: to say it twice does no harm, and unsaid an event would be handled twice. */
  repeat(sinceMs: number): void {
    const again = this.#sent.filter(({ atMs }) => atMs >= sinceMs);
    this.#sent = [];
    this.#remembered = 0;
    for (const { text } of again) this.#put(text);
  }

  #flush(): void {
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    this.#put(text);
    this.#sent.push({ text, atMs: this.nowMs() });
    this.#remembered += text.length;
    while (this.#remembered > REMEMBERED_TEXT) this.#remembered -= this.#sent.shift()!.text.length;
  }

  #put(text: string): void {
    if (this.nc.isClosed()) return; // it went down with the connection, as what is on its way does
    if (this.#send) return this.#send(text);
    for (const [, handle, answer] of text.matchAll(/PUB (\S+) \d+\r\n(.*)\r\n/g)) this.nc.publish(handle, answer);
  }
}
