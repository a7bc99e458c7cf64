import { SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import type { ExportQueue } from "./export_queue.ts";

/** Of so many spans that were not sampled, and are still open, what is below them is remembered. */
const REMEMBERED = 10_000;
/** How long the last spans may take: a collector that is gone must not keep the process. */
const FLUSH_MS = 2_000;

/**
 * Sends the spans that were sampled, and of the others those that turn out to matter: an attempt that failed, or came
 * after another one, and every span that ended as an error, each with what was below it in this process. A sampler
 * decides before anything has happened; what went wrong is known only at the end.
 */
export class SpanKeeper implements SpanProcessor {
  /** By the id of the span above them, which is still open. */
  readonly #below = new Map<string, ReadableSpan[]>();

  constructor(readonly queue: ExportQueue<ReadableSpan>) {}

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    const { spanId, traceFlags } = span.spanContext();
    if (traceFlags & TraceFlags.SAMPLED) return this.queue.push(span);
    const below = this.#below.get(spanId) ?? [];
    this.#below.delete(spanId);
    if (matters(span)) {
      for (const one of [...below, span]) this.queue.push(one);
      return;
    }
    const above = span.parentSpanContext;
    if (!above || above.isRemote) return;
    const siblings = this.#below.get(above.spanId);
    if (siblings) siblings.push(...below, span);
    else this.#below.set(above.spanId, [...below, span]);
    // One that is never ended, or was ended before what is below it, would be remembered for ever.
    if (this.#below.size > REMEMBERED) this.#below.delete(this.#below.keys().next().value!);
  }

  forceFlush(): Promise<void> {
    return this.queue.flush();
  }

  shutdown(): Promise<void> {
    this.#below.clear();
    return this.queue.shutdown(FLUSH_MS);
  }
}

function matters({ status, attributes, links }: ReadableSpan): boolean {
  const outcome = attributes["weir.outcome"];
  return status.code === SpanStatusCode.ERROR || outcome !== undefined && outcome !== "ack" ||
    links.some((link) => link.attributes?.["weir.link"] !== undefined);
}
