import type { Publisher, PublishResult } from "../engine/ports.ts";
import { type Circumstances, promised, type Storing, telling, type TellingPublisher } from "../engine/storing.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { Recorder } from "./otel/metrics/histogram.ts";
import type { Labels } from "./otel/metrics/instrument.ts";

/** Measures how long storing an event takes, by outcome. */
export class MeteredPublisher implements TellingPublisher {
  readonly #inner: TellingPublisher["begin"];
  readonly #labels = new Map<string, Map<string, Labels>>();

  /** @param problemOf names the kind of a failure, for the label `outcome` */
  constructor(
    inner: Publisher,
    readonly durations: Recorder,
    readonly problemOf: (error: unknown) => string,
  ) {
    this.#inner = telling(inner);
  }

  publish(event: OutgoingEvent, sinceMs?: number): Promise<PublishResult> {
    return promised(this, event, sinceMs);
  }

  begin(event: OutgoingEvent, storing: Storing, circumstances?: Circumstances): void {
    this.#inner(event, new Measured(this, event.type, storing), circumstances);
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

/** One event that is being published. */
class Measured implements Storing {
  readonly #fromMs = performance.now();

  constructor(readonly publisher: MeteredPublisher, readonly type: string, readonly storing: Storing) {}

  stored(stored: PublishResult): void {
    this.publisher.ended(this.type, stored.duplicate ? "duplicate" : "stored", this.#fromMs);
    this.storing.stored(stored);
  }

  failed(error: unknown): void {
    this.publisher.ended(this.type, this.publisher.problemOf(error), this.#fromMs);
    this.storing.failed(error);
  }
}
