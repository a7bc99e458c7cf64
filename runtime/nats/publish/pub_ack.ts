import type { Refusal } from "./publish_error.ts";

export interface PubAck {
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: Refusal;
}

const ZERO = 48, NINE = 57, CLOSING_BRACE = 125;
const DECODER = new TextDecoder();

/**
 * Reads publish acks. Hot path: nearly all are `{"stream":"ORDERS","seq":7}` and differ in the number alone. The bytes
 * before the number are compared with those of the last ack and not parsed, see bench.
 */
export class PubAckReader {
  #stream = "";
  /** The bytes before the number in an ack of that stream. */
  #prefix = new Uint8Array();

  /** @throws {SyntaxError} when it is not JSON. */
  read(data: Uint8Array): PubAck {
    const seq = this.#sequenceOf(data);
    if (seq !== undefined) return { stream: this.#stream, seq };
    const text = DECODER.decode(data), ack: PubAck = JSON.parse(text);
    const end = `${ack.seq}}`;
    if (ack.stream !== undefined && !ack.error && !ack.duplicate && text.endsWith(end)) {
      this.#stream = ack.stream;
      // The bytes are copied: a view would keep the whole read buffer in memory.
      this.#prefix = new Uint8Array(data.subarray(0, data.length - end.length));
    }
    return ack;
  }

  /** Returns the sequence in an ack, if the ack differs from the last one only in its sequence. */
  #sequenceOf(data: Uint8Array): number | undefined {
    const prefix = this.#prefix, from = prefix.length, last = data.length - 1;
    if (from === 0 || last <= from - 1 || data[last] !== CLOSING_BRACE) return undefined;
    for (let at = 0; at < from; at++) if (data[at] !== prefix[at]) return undefined;
    let seq = 0;
    for (let at = from; at < last; at++) {
      const digit = data[at];
      if (digit < ZERO || digit > NINE) return undefined;
      seq = seq * 10 + digit - ZERO;
    }
    return last === from ? undefined : seq;
  }
}
