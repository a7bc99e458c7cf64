import type { Publisher, Stored } from "../flow/ports.ts";
import type { OutgoingEvent } from "../nouns/event.ts";
import type { Labels } from "./instruments.ts";
import type { Recorder } from "./metrics.ts";

/** Measures how long storing an event takes, and how it ends. */
export class MeteredPublisher implements Publisher {
  readonly #labels = new Map<string, Map<string, Labels>>();

  /** @param problemOf names a failure, by one of few words */
  constructor(
    readonly inner: Publisher,
    readonly durations: Recorder,
    readonly problemOf: (error: unknown) => string,
  ) {}

  async publish(event: OutgoingEvent, sinceMs?: number): Promise<Stored> {
    const fromMs = performance.now();
    let outcome = "stored";
    try {
      const stored = await this.inner.publish(event, sinceMs);
      if (stored.duplicate) outcome = "duplicate";
      return stored;
    } catch (error) {
      outcome = this.problemOf(error);
      throw error;
    } finally {
      this.durations.record((performance.now() - fromMs) / 1_000, this.#labelsOf(event.type, outcome));
    }
  }

  #labelsOf(type: string, outcome: string): Labels {
    let outcomes = this.#labels.get(type);
    if (!outcomes) this.#labels.set(type, outcomes = new Map());
    let labels = outcomes.get(outcome);
    if (!labels) outcomes.set(outcome, labels = { type, outcome });
    return labels;
  }
}
