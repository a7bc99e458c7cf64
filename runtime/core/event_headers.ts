import type { EventHeaders } from "./event.ts";
import type { MessageHeaders } from "./delivery.ts";

/** Names of NATS and of Weir: they belong to one delivery, not to the event. */
const INTERNAL = /^(nats|weir)-/i;
/** A name and a value that every NATS client can write. */
const NAME = /^[!-9;-~]+$/, LINE_BREAK = /[\r\n]/;

/**
 * Returns whether a header is the event's own. Dead letters, retries and `event.headers` have only an event's own
 * headers. A header that NATS clients refuse to write is none, since it cannot be passed on: only a publisher that
 * checks nothing sends one.
 */
export function isOwnHeader(name: string, value: string): boolean {
  return NAME.test(name) && !LINE_BREAK.test(value) && !INTERNAL.test(name);
}

/** The headers of a message that are the event's own. They are parsed when a handler reads them. */
export class OwnHeaders implements EventHeaders {
  readonly #headers: MessageHeaders;

  constructor(headers: MessageHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    return this.getAll(name)[0];
  }

  getAll(name: string): string[] {
    const wanted = name.toLowerCase();
    return [...this].filter(([own]) => own === wanted).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *[Symbol.iterator](): Generator<readonly [name: string, value: string]> {
    for (const [name, value] of this.#headers.entries()) {
      if (isOwnHeader(name, value)) yield [name.toLowerCase(), value];
    }
  }
}
