import { spanJson } from "./otlp_json.ts";
import type { RecordedSpan } from "./recorded_span.ts";

const UTF8 = new TextEncoder();
/** Number of UTF-16 units that are collected before they are encoded, so that one call encodes many spans. */
const ENCODE_AT = 16_384;
/** Greatest number of bytes that one UTF-16 unit takes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;
/** Initial bytes of a batch: enough for a thousand usual spans. */
const INITIAL_BYTES = 1_048_576;
/** Buffers of exported batches, for reuse. Two suffice: one is sent while the other is written. */
const SPARE: Uint8Array<ArrayBuffer>[] = [], MAX_SPARE = 2;
/** Bytes of a buffer that is kept: an unusually large batch must not hold its memory for good. */
const MAX_SPARE_BYTES = 4_194_304;

/**
 * The body of one OTLP/JSON request. A span is serialized when it ends, so no single tick serializes a thousand spans.
 * Only bytes wait for the export, and the garbage collector does not scan bytes. Buffers are reused: allocating
 * megabytes per request made the garbage collector run twice as often.
 */
export class SpanBatch {
  #bytes = SPARE.pop() ?? new Uint8Array(INITIAL_BYTES);
  #length = 0;
  #text: string;
  #scope: string | undefined;

  /** @param resource JSON from `resourceJson` */
  constructor(resource: string) {
    this.#text = `{"resourceSpans":[{${resource},"scopeSpans":[`;
  }

  /** Bytes so far, with one for each character that is not encoded yet. */
  get bytes(): number {
    return this.#length + this.#text.length;
  }

  add(span: RecordedSpan): this {
    // Serialized first: if that throws, the batch must not contain a part of it.
    const { scope } = span.origin, json = spanJson(span);
    if (scope === this.#scope) this.#text += ",";
    else this.#text += `${this.#scope === undefined ? "" : "]},"}{${scope},"spans":[`;
    this.#scope = scope;
    this.#text += json;
    if (this.#text.length >= ENCODE_AT) this.#encode();
    return this;
  }

  /** Returns the complete request. Nothing can be added afterwards. */
  end(): Uint8Array {
    this.#text += "]}]}]}";
    this.#encode();
    return this.#bytes.subarray(0, this.#length);
  }

  /** Returns the buffer for reuse. Call it only when the request is no longer being sent. */
  release(): void {
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array();
    if (SPARE.length < MAX_SPARE && bytes.length > 0 && bytes.length <= MAX_SPARE_BYTES) SPARE.push(bytes);
  }

  #encode(): void {
    const needed = this.#length + this.#text.length * MAX_BYTES_PER_UNIT;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#length += UTF8.encodeInto(this.#text, this.#bytes.subarray(this.#length)).written;
    this.#text = "";
  }
}
