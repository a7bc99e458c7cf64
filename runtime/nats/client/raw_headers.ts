import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import type { MessageHeaders } from "../../core/delivery.ts";

const UTF8 = new TextDecoder();
const CRLF = "\r\n";

/** The first line of a header block: a status is how the server itself speaks to a consumer. */
interface Status {
  readonly code: number;
  readonly description: string;
}

/**
 * The headers of a message as they came, and its payload. The client's own reader throws on names that NATS carries
 * without looking at them, and a throw in a subscription's callback ends the reading of the whole connection: one odd
 * message would silence every function. It keeps the bytes in fields that are not public; a test fails loudly if they
 * move. They are of a `Buffer`, of which a part costs three times as much as of plain bytes.
 */
export function splitMessage(msg: Msg): { readonly headers: string; readonly payload: Uint8Array } {
  const { _msg: { hdr }, _rdata } = msg as unknown as { _msg: { hdr: number }; _rdata?: Uint8Array<ArrayBuffer> };
  if (!_rdata || hdr <= 0) return { headers: "", payload: msg.data };
  const { buffer, byteOffset, length } = _rdata;
  return {
    headers: UTF8.decode(new Uint8Array(buffer, byteOffset, hdr)),
    payload: new Uint8Array(buffer, byteOffset + hdr, length - hdr),
  };
}

/** The subject that a message came on, and the one that it is to be answered on, as bytes; see {@linkcode splitMessage}. */
export function bytesOf(msg: Msg): { readonly subject: Uint8Array; readonly reply?: Uint8Array } {
  return (msg as unknown as { _msg: { subject: Uint8Array; reply?: Uint8Array } })._msg;
}

/** Reads `NATS/1.0 503 No Responders`; undefined for a block without a status. */
export function readStatus(text: string): Status | undefined {
  const match = /^NATS\/1\.0 (\d{3}) ?([^\r\n]*)/.exec(text);
  return match ? { code: Number(match[1]), description: match[2] } : undefined;
}

/** Headers that the client has read, one by one: of a repeated name each value is an entry. */
export function entriesOf(hdrs: MsgHdrs): (readonly [name: string, value: string])[] {
  return [...hdrs].flatMap(([name, values]) => values.map((value) => [name, value] as const));
}

/**
 * Headers by name, whatever its case: CloudEvents says to ignore it, and publishers do not agree on it. Every event has
 * half a dozen, of which most are read once: nothing is made of them but what is asked for.
 */
export class RawHeaders implements MessageHeaders {
  readonly #text: string;
  /** The first letters of all names, a bit each: most names that are asked for are not there. */
  #initials = 0;
  #scanned = false;

  constructor(text: string) {
    this.#text = text;
  }

  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    if (!this.#scanned) this.each(() => {});
    if ((this.#initials & initial(wanted, 0)) === 0) return undefined;
    let found: string | undefined;
    this.each((name, value) => {
      if (found === undefined && name === wanted) found = value;
    });
    return found;
  }

  each(visit: (lowerName: string, value: string) => void): void {
    const text = this.#text;
    let initials = 0;
    for (let at = nextLine(text, 0); at < text.length;) {
      const colon = text.indexOf(":", at), next = nextLine(text, at);
      if (colon >= 0 && colon < next) {
        initials |= initial(text, at);
        visit(text.slice(at, colon).toLowerCase(), text.slice(colon + 1, next).trim());
      }
      at = next;
    }
    this.#initials = initials;
    this.#scanned = true;
  }

  *entries(): Iterable<readonly [name: string, value: string]> {
    const text = this.#text;
    for (let at = nextLine(text, 0); at < text.length; at = nextLine(text, at)) {
      const colon = text.indexOf(":", at), next = nextLine(text, at);
      if (colon >= 0 && colon < next) yield [text.slice(at, colon), text.slice(colon + 1, next).trim()];
    }
  }
}

/** The same for a letter and its capital. */
function initial(text: string, at: number): number {
  return 1 << (text.charCodeAt(at) & 31);
}

/** Where the line after the one at that place begins. */
function nextLine(text: string, at: number): number {
  const end = text.indexOf(CRLF, at);
  return end < 0 ? text.length : end + CRLF.length;
}
