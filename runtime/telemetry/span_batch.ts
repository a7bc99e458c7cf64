import { Buffer } from "node:buffer";
import { spanJson } from "./otlp_json.ts";
import type { RecordedSpan } from "./recorded_span.ts";

const UTF8 = new TextEncoder();
/** Text becomes bytes when there is so much of it. */
const ENCODED_AT = 16_384;

/**
 * Spans as the body of one OTLP/JSON request. Each is written when it ends: so no turn of the loop has a thousand to
 * write, and nothing of it waits for the collector but its bytes, which the garbage collector does not look at.
 */
export class SpanBatch {
  readonly #encoded: Uint8Array[] = [];
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
    return Buffer.concat(this.#encoded);
  }

  #encode(): void {
    this.#encoded.push(UTF8.encode(this.#text));
    this.#text = "";
  }
}
