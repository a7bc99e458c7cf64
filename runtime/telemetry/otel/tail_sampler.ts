import { SpanStatusCode } from "@opentelemetry/api";
import type { ExportQueue } from "./export_queue.ts";
import type { Keeper, RecordedSpan } from "./recorded_span.ts";
import type { SpanBatch } from "./span_batch.ts";

/** Where spans wait for the collector. */
export type SpanQueue = ExportQueue<RecordedSpan, SpanBatch>;

/** So many are remembered below one span at the most. */
const REMEMBERED = 10_000;

/**
 * Sends the spans that were sampled, and of the others those that turn out to matter: an attempt that failed, or came
 * after another one, and every span that ended as an error, each with what was below it in this process. A sampler
 * decides before anything has happened; what went wrong is known only at the end. Until then a span has with it what
 * was below it, and takes it along when it is forgotten.
 */
export class TailSampler implements Keeper {
  constructor(readonly queue: SpanQueue) {}

  wants(span: RecordedSpan): boolean {
    return span.origin.sampled || span.parent !== undefined && span.parent.isRecording() || matters(span);
  }

  keep(span: RecordedSpan): void {
    const { below, parent } = span;
    if (span.origin.sampled || matters(span)) {
      for (const one of below ?? []) this.#send(one);
      return this.#send(span);
    }
    const siblings = parent!.below ??= [];
    for (const one of below ?? []) if (siblings.length < REMEMBERED) siblings.push(one);
    if (siblings.length < REMEMBERED) siblings.push(span);
  }

  #send(span: RecordedSpan): void {
    this.queue.push(span); // which writes it, at once
    span.forget();
  }
}

function matters({ status, attributes, prepared, links }: RecordedSpan): boolean {
  if (status.code === SpanStatusCode.ERROR) return true;
  const outcome = prepared?.outcome ?? attributes["weir.outcome"];
  return outcome !== undefined && outcome !== "ack" ||
    links !== undefined && links.some((link) => link.attributes?.["weir.link"] !== undefined);
}
