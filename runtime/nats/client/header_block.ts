import type { MsgHdrs } from "@nats-io/transport-node";
import { encode } from "./encode_pool.ts";

const NAME = /^[!-9;-~]+$/;
/** Names that need not be looked at, since each event has them. */
const USUAL = new Set(["Nats-Msg-Id", "ce-specversion", "ce-id", "traceparent"]);

/** NATS cannot carry a header. */
export class HeaderError extends Error {
  override readonly name = "HeaderError";
  readonly code = "invalid-header";
}

/**
 * Headers that are written once and never read, as the text they are on the wire. `MsgHdrs` of the client holds a map
 * of lists, and looks through all of its names for each one that is set: that is a fifth of what storing an event costs.
 */
export class HeaderBlock {
  #lines = "";

  /** Each name once. @throws {HeaderError} when NATS cannot carry the name or the value. */
  add(name: string, value: string): this {
    if (!USUAL.has(name) && !NAME.test(name)) {
      throw new HeaderError(`a header cannot be called ${JSON.stringify(name)}`);
    }
    if (value.includes("\n") || value.includes("\r")) {
      throw new HeaderError(`the header ${name} has a line break in its value`);
    }
    this.#lines += `${name}: ${value}\r\n`;
    return this;
  }

  /** Adds all of another block: what many have in common is looked at once. */
  addAll(other: HeaderBlock): this {
    this.#lines += other.#lines;
    return this;
  }

  /** All of it, with the empty line at its end. */
  get text(): string {
    return `NATS/1.0\r\n${this.#lines}\r\n`;
  }

  /** As the client sees it, which asks headers that are to be sent for their bytes alone; a test tells if that changes. */
  asHeaders(): MsgHdrs {
    return this as unknown as MsgHdrs;
  }

  encode(): Uint8Array {
    return encode(this.text);
  }
}
