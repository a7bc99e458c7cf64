import type { Histogram } from "@opentelemetry/api";
import type { Publisher, PublishListener, PublishOptions, PublishResult } from "../engine/publisher.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { Labels } from "./otel/metrics/instrument.ts";

/** Measures how long storing an event takes, by outcome. */
export class MeteredPublisher implements Publisher {
  readonly #labels = new Map<string, Map<string, Labels>>();

  /** @param problemOf names the kind of a failure, for the label `outcome` */
  constructor(
    readonly inner: Publisher,
    readonly durations: Histogram,
    readonly problemOf: (error: unknown) => string,
  ) {}

  publish(event: OutgoingEvent, listener: PublishListener, options?: PublishOptions): void {
    this.inner.publish(event, new Measured(this, event.type, listener), options);
  }

  ended(type: string, outcome: string, fromMs: number): void {
    this.durations.record((performance.now() - fromMs) / 1_000, this.#labelsOf(type, outcome));
  }

  #labelsOf(type: string, outcome: string): Labels {
    let outcomes = this.#labels.get(type);
    if (!outcomes) this.#labels.set(type, outcomes = new Map());
    let labels = outcomes.get(outcome);
    if (!labels) outcomes.set(outcome, labels = { type, outcome });
    return labels;
  }
}

class Measured implements PublishListener {
  readonly #fromMs = performance.now();

  constructor(readonly publisher: MeteredPublisher, readonly type: string, readonly listener: PublishListener) {}

  stored(stored: PublishResult): void {
    this.publisher.ended(this.type, stored.duplicate ? "duplicate" : "stored", this.#fromMs);
    this.listener.stored(stored);
  }

  failed(error: unknown): void {
    this.publisher.ended(this.type, this.publisher.problemOf(error), this.#fromMs);
    this.listener.failed(error);
  }
}
