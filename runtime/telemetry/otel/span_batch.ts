import { spanJson } from "./otlp_json.ts";
import type { RecordedSpan } from "./recorded_span.ts";

const UTF8 = new TextEncoder();
/** Text becomes bytes when there is so much of it. */
const ENCODED_AT = 16_384;
/** The most bytes that one UTF-16 unit becomes in UTF-8. */
const BYTES_A_UNIT = 3;
/** What a batch of a thousand spans needs, as a rule. */
const USUAL_BYTES = 1_048_576;
/** Memory of batches that were sent, for those to come: one is being sent while the next is written. */
const SPARE: Uint8Array<ArrayBuffer>[] = [], MOST_SPARE = 2, MOST_SPARE_BYTES = 4_194_304;

/**
 * Spans as the body of one OTLP/JSON request. Each is written when it ends: so no turn of the loop has a thousand to
 * write, and nothing of it waits for the collector but its bytes, which the garbage collector does not look at. It does
 * look at how many there are: a new megabyte for each request, three times over, had it run twice as often.
 */
export class SpanBatch {
  #bytes = SPARE.pop() ?? new Uint8Array(USUAL_BYTES);
  #length = 0;
  #text: string;
  #scope: string | undefined;

  /** @param resource as `resourceJson` gives it */
  constructor(resource: string) {
    this.#text = `{"resourceSpans":[{${resource},"scopeSpans":[`;
  }

  add(span: RecordedSpan): this {
    const { scope } = span.origin, json = spanJson(span); // first: it may throw, and then nothing of it is to stand here
    if (scope === this.#scope) this.#text += ",";
    else this.#text += `${this.#scope === undefined ? "" : "]},"}{${scope},"spans":[`;
    this.#scope = scope;
    this.#text += json;
    if (this.#text.length >= ENCODED_AT) this.#encode();
    return this;
  }

  /** The whole request. Nothing can be added after it. */
  end(): Uint8Array {
    this.#text += "]}]}]}";
    this.#encode();
    return this.#bytes.subarray(0, this.#length);
  }

  /** Call it when nobody reads the request any more. */
  release(): void {
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array();
    if (SPARE.length < MOST_SPARE && bytes.length > 0 && bytes.length <= MOST_SPARE_BYTES) SPARE.push(bytes);
  }

  #encode(): void {
    const most = this.#length + this.#text.length * BYTES_A_UNIT;
    if (most > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(most, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#length += UTF8.encodeInto(this.#text, this.#bytes.subarray(this.#length)).written;
    this.#text = "";
  }
}
