import type { Cluster } from "./cluster.ts";
import { DeadLetters } from "./nats/dead_letters.ts";
import { buryDue, cancelParked, listParked } from "./nats/parked.ts";
import type { ParkedEvent, ParkedFilter } from "./nouns/parked.ts";

/** Everything that is done with parked events, for the commands and for the admin listener alike. */
export class ParkedDesk {
  readonly #deadLetters: DeadLetters;

  constructor(readonly cluster: Cluster) {
    this.#deadLetters = new DeadLetters(cluster.store, cluster.storedBefore);
  }

  list(filter: ParkedFilter): AsyncIterable<ParkedEvent> {
    return listParked(this.cluster.jsm, filter);
  }

  cancel(sequence: number): Promise<boolean> {
    return cancelParked(this.cluster.jsm, this.#deadLetters, sequence);
  }

  /** Makes dead letters of what is due for a function that is gone; resolves to how many those were. */
  buryDue(functionName: string): Promise<number> {
    return buryDue(this.cluster.jsm, this.#deadLetters, functionName);
  }
}
