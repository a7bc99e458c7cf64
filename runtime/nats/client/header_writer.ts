import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { appendHeader } from "./internals.ts";

const NAME = /^[!-9;-~]+$/;
/** Names that every event has and that are known to be valid. */
const CHECKED = new Set(["Nats-Msg-Id", "ce-specversion", "ce-id", "traceparent", "weir-hops"]);

/** NATS cannot carry a header. */
export class HeaderError extends Error {
  override readonly name = "HeaderError";
  readonly code = "invalid-header";
}

/**
 * Headers as the text that goes on the wire. Hot path: `MsgHdrs` of the client holds a map of lists and searches all
 * names at each `set`, see bench.
 */
export class HeaderBlock {
  #lines = "";

  /** Adds a header; each name once. @throws {HeaderError} when NATS cannot carry the name or the value. */
  add(name: string, value: string): this {
    if (!CHECKED.has(name) && !NAME.test(name)) {
      throw new HeaderError(`a header cannot be called ${JSON.stringify(name)}`);
    }
    if (value.includes("\n") || value.includes("\r")) {
      throw new HeaderError(`the header ${name} has a line break in its value`);
    }
    this.#lines += `${name}: ${value}\r\n`;
    return this;
  }

  /** Adds all headers of another block, which need no second check. */
  addAll(other: HeaderBlock): this {
    this.#lines += other.#lines;
    return this;
  }

  /** The block with the empty line at its end. */
  get text(): string {
    return `NATS/1.0\r\n${this.#lines}\r\n`;
  }

  /** Returns the same headers for the client's own `publish`. */
  toMsgHdrs(): MsgHdrs {
    const hdrs = headers();
    for (const line of this.#lines.split("\r\n").slice(0, -1)) {
      const colon = line.indexOf(": ");
      appendHeader(hdrs, line.slice(0, colon), line.slice(colon + 2));
    }
    return hdrs;
  }
}

/** Bound of an error's text in a header, in bytes. It keeps the headers far below the server's limit. */
const MAX_BYTES = 1_000;
const UTF8 = new TextEncoder();

/** Returns text that fits a header: on one line, without control characters, cut to 1,000 bytes. */
export function headerText(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what must not get into a header
  const line = text.toWellFormed().replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
  if (UTF8.encode(line).length <= MAX_BYTES) return line;
  const { read } = UTF8.encodeInto(line, new Uint8Array(MAX_BYTES - 1));
  return line.slice(0, read) + "…";
}
