import type { MsgHdrs } from "@nats-io/transport-node";
import { encode } from "./slab.ts";

const NAME = /^[!-9;-~]+$/;
const LINE_BREAK = /[\r\n]/;

/**
 * Headers that are written once and never read, as the text they are on the wire. `MsgHdrs` of the client holds a map
 * of lists, and looks through all of its names for each one that is set: that is a fifth of what storing an event costs.
 */
export class HeaderBlock {
  #text = "NATS/1.0\r\n";

  /** Each name once. @throws {Error} when NATS cannot carry the name or the value. */
  add(name: string, value: string): this {
    if (!NAME.test(name)) throw new Error(`a header cannot be called ${JSON.stringify(name)}`);
    if (LINE_BREAK.test(value)) throw new Error(`the header ${name} has a line break in its value`);
    this.#text += `${name}: ${value}\r\n`;
    return this;
  }

  /** As the client sees it, which asks headers that are to be sent for their bytes alone; a test tells if that changes. */
  asHeaders(): MsgHdrs {
    return this as unknown as MsgHdrs;
  }

  encode(): Uint8Array {
    return encode(`${this.#text}\r\n`);
  }
}
