import {
  type Publisher,
  PublishError,
  type PublishListener,
  type PublishOptions,
  type PublishResult,
} from "../engine/publisher.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { Histogram, HistogramCell } from "./otel/metrics/histogram.ts";

/** Measures how long storing an event takes, by outcome. */
export class MeteredPublisher implements Publisher {
  /** Series by type, then by outcome. */
  readonly #cells = new Map<string, Map<string, HistogramCell>>();

  constructor(readonly inner: Publisher, readonly durations: Histogram) {}

  publish(event: OutgoingEvent, listener: PublishListener, options?: PublishOptions): void {
    this.inner.publish(event, new Measured(this, event.type, listener), options);
  }

  record(type: string, outcome: string, durationMs: number): void {
    const ofType = this.#cells.getOrInsertComputed(type, () => new Map());
    ofType.getOrInsertComputed(outcome, () => this.durations.cell({ type, outcome })).record(durationMs / 1_000);
  }
}

class Measured implements PublishListener {
  readonly #fromMs = performance.now();

  constructor(readonly publisher: MeteredPublisher, readonly type: string, readonly listener: PublishListener) {}

  stored(result: PublishResult): void {
    this.#ended(result.duplicate ? "duplicate" : "stored");
    this.listener.stored(result);
  }

  failed(error: unknown): void {
    this.#ended(error instanceof PublishError ? error.code : "failed");
    this.listener.failed(error);
  }

  #ended(outcome: string): void {
    this.publisher.record(this.type, outcome, performance.now() - this.#fromMs);
  }
}
