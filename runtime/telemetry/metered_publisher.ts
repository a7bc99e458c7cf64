import type { Histogram } from "@opentelemetry/api";
import { type Publisher, PublishError, type PublishListener, type PublishOptions } from "../engine/publisher.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { Labels } from "./otel/metrics/instrument.ts";

/** Measures how long storing an event takes, by outcome. */
export class MeteredPublisher implements Publisher {
  readonly #labels = new Map<string, Map<string, Labels>>();

  constructor(readonly inner: Publisher, readonly durations: Histogram) {}

  publish(event: OutgoingEvent, listener: PublishListener, options?: PublishOptions): void {
    const { type } = event, fromMs = performance.now();
    const ended = (outcome: string) =>
      this.durations.record((performance.now() - fromMs) / 1_000, this.#labelsOf(type, outcome));
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

  #labelsOf(type: string, outcome: string): Labels {
    const ofType = this.#labels.getOrInsertComputed(type, () => new Map());
    return ofType.getOrInsertComputed(outcome, () => ({ type, outcome }));
  }
}
