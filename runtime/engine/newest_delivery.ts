import type { Delivery } from "../core/delivery.ts";

interface Position {
  storedAtMs: number;
  sequence: number;
}

/**
 * The newest delivered message of each stream. A message that was stored later was not delivered before, so it cannot
 * be held already. Hot path: nearly every first delivery is such a message, so the dispatcher rarely searches the held
 * messages.
 */
export class NewestDelivery {
  readonly #byStream = new Map<string, Position>();

  /**
   * Returns whether a message is newer than all earlier deliveries of its stream. If so, remembers it as the newest.
   */
  isNewer({ stream, storedAtMs, sequence }: Delivery): boolean {
    const newest = this.#byStream.get(stream);
    if (!newest) {
      this.#byStream.set(stream, { storedAtMs, sequence });
      return true;
    }
    // By time first: the sequences of a stream that is created again start anew.
    const isNewer = storedAtMs > newest.storedAtMs ||
      storedAtMs === newest.storedAtMs && sequence > newest.sequence;
    if (isNewer) {
      newest.storedAtMs = storedAtMs;
      newest.sequence = sequence;
    }
    return isNewer;
  }
}
