import type { JetStreamManager } from "@nats-io/jetstream";
import { DeadLetters } from "../dead_letters/dead_letters.ts";
import { cancelDelayedRetry, deadLetterDue, listDelayedRetries } from "./delayed_retries.ts";
import type { StoredBefore } from "../publish/late_dedup.ts";
import type { Store } from "../publish/jetstream_publisher.ts";
import type { DelayedRetry, DelayedRetryFilter } from "../../core/delayed_retry.ts";

/** Everything that is done with delayed retries, for the commands and for the admin listener alike. */
export class RetryService {
  readonly #deadLetters: DeadLetters;

  constructor(
    readonly cluster: { readonly jsm: JetStreamManager; readonly store: Store; readonly storedBefore: StoredBefore },
  ) {
    this.#deadLetters = new DeadLetters(cluster.store, cluster.storedBefore);
  }

  list(filter: DelayedRetryFilter): AsyncIterable<DelayedRetry> {
    return listDelayedRetries(this.cluster.jsm, filter);
  }

  cancel(sequence: number): Promise<boolean> {
    return cancelDelayedRetry(this.cluster.jsm, this.#deadLetters, sequence);
  }

  /** Makes dead letters of what is due for a function that is gone; resolves to how many those were. */
  buryDue(functionName: string): Promise<number> {
    return deadLetterDue(this.cluster.jsm, this.#deadLetters, functionName);
  }
}
