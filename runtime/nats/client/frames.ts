import type { NatsConnection } from "@nats-io/transport-node";

/** A message with headers, as text. */
interface TextMessage {
  readonly subject: string;
  readonly reply: string;
  /** With the empty line at their end. */
  readonly headers: string;
  readonly payload: string;
}

/** So much text is sent without waiting for the rest. */
const MOST_TEXT = 131_072;
/** The most bytes that one UTF-16 unit becomes in UTF-8. */
const BYTES_A_UNIT = 3;
const UTF8 = new TextEncoder();
const WHITESPACE = /\s/;

/**
 * Messages that are sent together, as one piece of text that is encoded once. To publish each by itself makes four
 * arrays of bytes and copies them twice: 3 µs, and as much again to have the memory collected.
 *
 * The client has no public way to send several messages at once, so its protocol is used from inside, as `Answers` do;
 * where it is not as expected nothing is taken, and a test fails.
 */
export class Frames {
  readonly #send: ((bytes: Uint8Array) => void) | undefined;
  #messages: TextMessage[] = [];
  #text = "";

  constructor(readonly nc: NatsConnection) {
    const { protocol } = nc as { protocol?: { sendCommand?: (bytes: Uint8Array) => void } };
    if (typeof protocol?.sendCommand === "function") this.#send = (bytes) => protocol.sendCommand!(bytes);
  }

  /** Whether messages are sent together. */
  get together(): boolean {
    return this.#send !== undefined;
  }

  /** Whether it has taken the message, and sends it at the next {@link flush}; else it is to be published by itself. */
  take(message: TextMessage): boolean {
    const { subject, headers, payload } = message, { nc } = this;
    if (!this.#send || nc.isClosed() || nc.isDraining() || WHITESPACE.test(subject)) return false;
    // What may be over the server's limit the client itself is to look at, and to refuse.
    if ((headers.length + payload.length) * BYTES_A_UNIT > (nc.info?.max_payload ?? 0)) return false;
    this.#messages.push(message);
    this.#text += frameOf(message, headers.length, payload.length);
    if (this.#text.length >= MOST_TEXT) this.flush();
    return true;
  }

  /** Sends what it has taken. */
  flush(): void {
    const messages = this.#messages, text = this.#text;
    if (messages.length === 0) return;
    this.#messages = [];
    this.#text = "";
    const bytes = UTF8.encode(text);
    if (bytes.length === text.length) return this.#send!(bytes);
    // Not all of it is ASCII, which nearly all is: then the bytes of each have to be counted.
    const counted = messages.map((one) => frameOf(one, bytesOf(one.headers), bytesOf(one.payload)));
    this.#send!(UTF8.encode(counted.join("")));
  }
}

function frameOf({ subject, reply, headers, payload }: TextMessage, headerBytes: number, payloadBytes: number): string {
  return `HPUB ${subject} ${reply} ${headerBytes} ${headerBytes + payloadBytes}\r\n${headers}${payload}\r\n`;
}

function bytesOf(text: string): number {
  return UTF8.encode(text).length;
}
