import type { JetStreamManager } from "@nats-io/jetstream";
import type { DelayedRetry, DelayedRetryFilter } from "../../core/delayed_retry.ts";
import { DeadLetters } from "../dead_letters/dead_letters.ts";
import type { DuplicateFinder } from "../publish/late_dedup.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { cancelDelayedRetry, deadLetterDue, listDelayedRetries } from "./delayed_retries.ts";

/** The operations on delayed retries, for the commands and the admin listener. */
export class RetryService {
  readonly #deadLetters: DeadLetters;

  constructor(
    readonly cluster: {
      readonly jsm: JetStreamManager;
      readonly messages: MessagePublisher;
      readonly duplicates: DuplicateFinder;
    },
  ) {
    this.#deadLetters = new DeadLetters(cluster.messages, cluster.duplicates);
  }

  list(filter: DelayedRetryFilter): AsyncIterable<DelayedRetry> {
    return listDelayedRetries(this.cluster.jsm, filter);
  }

  cancel(sequence: number): Promise<boolean> {
    return cancelDelayedRetry(this.cluster.jsm, this.#deadLetters, sequence);
  }

  /** Makes dead letters of the due retries of a removed function. Returns how many. */
  deadLetterDue(functionName: string): Promise<number> {
    return deadLetterDue(this.cluster.jsm, this.#deadLetters, functionName);
  }
}
