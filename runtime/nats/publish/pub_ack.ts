import type { Refusal } from "./publish_error.ts";

/** What JetStream answers to a message that is to be stored. */
export interface PubAck {
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: Refusal;
}

const ZERO = 48, NINE = 57, CLOSE = 125;
const UTF8 = new TextDecoder();

/**
 * Reads those answers. Nearly all of them say `{"stream":"ORDERS","seq":7}` and differ in the number alone, so what was
 * before it in the last one is compared as bytes. To read each as JSON is a tenth of what storing a message costs.
 */
export class PubAcks {
  #stream = "";
  /** What is before the number in an answer of that stream. */
  #head = new Uint8Array();

  /** @throws {SyntaxError} when it is not JSON. */
  read(data: Uint8Array): PubAck {
    const seq = this.#plain(data);
    if (seq !== undefined) return { stream: this.#stream, seq };
    const text = UTF8.decode(data), ack: PubAck = JSON.parse(text);
    const end = `${ack.seq}}`;
    if (ack.stream !== undefined && !ack.error && !ack.duplicate && text.endsWith(end)) {
      this.#stream = ack.stream;
      // A part, which `slice` of the client's `Buffer` is as well, would hold all that came with it.
      this.#head = new Uint8Array(data.subarray(0, data.length - end.length));
    }
    return ack;
  }

  /** The number, where the answer is like the last one but for it. */
  #plain(data: Uint8Array): number | undefined {
    const head = this.#head, from = head.length, last = data.length - 1;
    if (from === 0 || last <= from - 1 || data[last] !== CLOSE) return undefined;
    for (let at = 0; at < from; at++) if (data[at] !== head[at]) return undefined;
    let seq = 0;
    for (let at = from; at < last; at++) {
      const digit = data[at];
      if (digit < ZERO || digit > NINE) return undefined;
      seq = seq * 10 + digit - ZERO;
    }
    return last === from ? undefined : seq;
  }
}
