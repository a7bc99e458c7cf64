import { SpanStatusCode } from "@opentelemetry/api";
import type { ExportQueue } from "../export/export_queue.ts";
import type { Keeper, RecordedSpan } from "./recorded_span.ts";
import type { SpanBatch } from "./span_batch.ts";

export type SpanQueue = ExportQueue<RecordedSpan, SpanBatch>;

/** Returns whether a span is exported although no sampler chose it. */
export type KeepUnsampled = (span: RecordedSpan) => boolean;

/** Descendants held per span. Bounds the memory of a handler that starts many spans. */
const MAX_HELD = 10_000;

/**
 * Decides which ended spans are exported. A sampled span always is: the sampler decided that at its start. An unsampled
 * span is exported, by tail sampling, if it failed or if `keepUnsampled` selects it. Its descendants in this process
 * are exported with it, so those that end earlier are held until then.
 */
export class TailSampler implements Keeper {
  constructor(readonly queue: SpanQueue, readonly keepUnsampled: KeepUnsampled) {}

  wants(span: RecordedSpan): boolean {
    return span.origin.sampled || span.parent !== undefined && span.parent.isRecording() || this.#isKept(span);
  }

  keep(span: RecordedSpan): void {
    const { held, parent } = span;
    if (span.origin.sampled || this.#isKept(span)) {
      for (const descendant of held ?? []) this.#export(descendant);
      return this.#export(span);
    }
    const siblings = parent!.held ??= [];
    for (const descendant of held ?? []) if (siblings.length < MAX_HELD) siblings.push(descendant);
    if (siblings.length < MAX_HELD) siblings.push(span);
  }

  #isKept(span: RecordedSpan): boolean {
    return span.status.code === SpanStatusCode.ERROR || this.keepUnsampled(span);
  }

  #export(span: RecordedSpan): void {
    this.queue.push(span); // serializes it immediately
    span.forget();
  }
}
