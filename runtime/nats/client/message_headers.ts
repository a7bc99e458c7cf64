import type { MsgHdrs } from "@nats-io/transport-node";
import type { MessageHeaders } from "../../core/delivery.ts";

const CRLF = "\r\n";
/** Result of `indexOf` that finds nothing. */
const NONE = -1;
const SPACE = 0x20;

/** Reads the status by which the server answers a pull: `NATS/1.0 503 No Responders`. Undefined for a block without. */
export function readStatus(text: string): { readonly code: number; readonly description: string } | undefined {
  const match = /^NATS\/1\.0 (\d{3}) ?([^\r\n]*)/.exec(text);
  return match ? { code: Number(match[1]), description: match[2] } : undefined;
}

/** Returns the headers that the client has read, an entry for each value of a repeated name. */
export function entriesOf(hdrs: MsgHdrs): (readonly [name: string, value: string])[] {
  return [...hdrs].flatMap(([name, values]) => values.map((value) => [name, value] as const));
}

/**
 * The headers of a received message, by name in any case: CloudEvents ignores case, and publishers differ. Hot path: an
 * event has half a dozen headers, most of them read once, so each is parsed when it is asked for.
 */
export class RawHeaders implements MessageHeaders {
  readonly #text: string;
  /** A bit for each first letter of a name: most names that are asked for are absent. */
  #initials: number | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  get(name: string): string | undefined {
    if (this.#initials === undefined) this.#walk(() => {});
    if ((this.#initials! & initial(name, 0)) === 0) return undefined;
    const wanted = name.toLowerCase();
    let found: string | undefined;
    this.#walk((own, value) => {
      if (found === undefined && own.toLowerCase() === wanted) found = value;
    });
    return found;
  }

  each(visit: (lowerName: string, value: string) => void): void {
    this.#walk((name, value) => visit(name.toLowerCase(), value));
  }

  entries(): (readonly [name: string, value: string])[] {
    const entries: [name: string, value: string][] = [];
    this.#walk((name, value) => entries.push([name, value]));
    return entries;
  }

  #walk(visit: (name: string, value: string) => void): void {
    const text = this.#text;
    let initials = 0, colon = 0;
    for (let at = nextLine(text, 0); at < text.length;) {
      const next = nextLine(text, at);
      // Not searched again from each line: in a block of lines without a colon that takes quadratic time.
      if (colon < at && colon !== NONE) colon = text.indexOf(":", at);
      if (colon !== NONE && colon < next) {
        initials |= initial(text, at);
        visit(text.slice(at, colon), valueIn(text, colon + 1, next));
      }
      at = next;
    }
    this.#initials = initials;
  }
}

/** Returns a trimmed value. Hot path: without the usual space and line end, `trim` makes no second slice. */
function valueIn(text: string, from: number, next: number): string {
  const to = text.startsWith(CRLF, next - CRLF.length) ? next - CRLF.length : next;
  return text.slice(text.charCodeAt(from) === SPACE ? from + 1 : from, to).trim();
}

/** Returns the bit of a letter, the same for upper and lower case. */
function initial(text: string, at: number): number {
  return 1 << (text.charCodeAt(at) & 31);
}

function nextLine(text: string, at: number): number {
  const end = text.indexOf(CRLF, at);
  return end < 0 ? text.length : end + CRLF.length;
}
