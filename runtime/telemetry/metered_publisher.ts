import { type Publisher, PublishError, type PublishListener, type PublishOptions } from "../engine/publisher.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { Histogram, HistogramCell } from "./otel/metrics/histogram.ts";

/** Measures how long storing an event takes, by outcome. */
export class MeteredPublisher implements Publisher {
  /** Series by type, then by outcome. */
  readonly #cells = new Map<string, Map<string, HistogramCell>>();

  constructor(readonly inner: Publisher, readonly durations: Histogram) {}

  publish(event: OutgoingEvent, listener: PublishListener, options?: PublishOptions): void {
    const { type } = event, fromMs = performance.now();
    const ended = (outcome: string) => this.#cellOf(type, outcome).record((performance.now() - fromMs) / 1_000);
    const measured: PublishListener = {
      stored: (result) => {
        ended(result.duplicate ? "duplicate" : "stored");
        listener.stored(result);
      },
      failed: (error) => {
        ended(error instanceof PublishError ? error.code : "failed");
        listener.failed(error);
      },
    };
    this.inner.publish(event, measured, options);
  }

  #cellOf(type: string, outcome: string): HistogramCell {
    const ofType = this.#cells.getOrInsertComputed(type, () => new Map());
    return ofType.getOrInsertComputed(outcome, () => this.durations.cell({ type, outcome }));
  }
}
