import type { Clock } from "./clock.ts";
import type { KnownEvents, Turn } from "./known_events.ts";
import type { OrderSource } from "./order_source.ts";

/** New events that a process takes before it knows what others hold, and how many more at each look. */
const NEW_EVENTS = { first: 64, more: 8 };
/** Interval of the looks in milliseconds. It doubles while others hold events. */
const LOOK_MS = { initial: 20, max: 500 };

/**
 * The barrier at a takeover. JetStream may deliver new messages before those that another process holds, or held when
 * it died. So no event begins until every unsettled message of the consumers is known to this process.
 *
 * A consumer tells how many messages are unsettled, and not which. A message that was delivered to this process before it
 * asked the consumer, and is unsettled after the answer, is one of those counted. Invariant: once this process knows as
 * many such messages as the consumer counts, no other process holds any.
 */
export class Takeover {
  #isComplete = true;
  #source: OrderSource | undefined;
  /** Changes at each reset, which ends a look that is under way. */
  #epoch = 0;
  #isLooking = false;
  #room = NEW_EVENTS.first;
  #cancel: () => void = () => {};

  /** @param onEnd Called with true when events may begin, and with false if what is known is settled elsewhere. */
  constructor(readonly known: KnownEvents, readonly clock: Clock, readonly onEnd: (knowsAll: boolean) => void) {}

  /** Whether all unsettled messages are known. Always true without a source. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Number of deliveries to take meanwhile. A redelivery uses up none of it. */
  get room(): number {
    return this.#room;
  }

  begin(source: OrderSource): void {
    this.#source = source;
    this.reset();
  }

  reset(): void {
    this.close();
    if (!this.#source) return;
    this.#isComplete = false;
    this.#room = NEW_EVENTS.first;
  }

  close(): void {
    this.#epoch++;
    this.#isLooking = false;
    this.#cancel();
  }

  arrived(deliveryCount: number): void {
    if (this.#isComplete) return;
    if (deliveryCount === 1 && this.#room > 0) this.#room--;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#lookAfter(0, LOOK_MS.initial);
  }

  #lookAfter(delayMs: number, nextDelayMs: number): void {
    const epoch = this.#epoch;
    this.#cancel = this.clock.timer(delayMs, async () => {
      const before = this.known.all(), facts = await this.#source!.look().catch(() => undefined);
      if (epoch !== this.#epoch) return;
      const unknown = facts && this.#unknown(before, facts.unsettled);
      if (unknown?.some((count) => count < 0)) return this.onEnd(false);
      if (unknown?.every((count) => count === 0) && this.#source!.follows(facts!)) {
        this.#isComplete = true;
        return this.onEnd(true);
      }
      this.#room = Math.max(this.#room, NEW_EVENTS.more);
      this.#lookAfter(nextDelayMs, Math.min(LOOK_MS.max, 2 * nextDelayMs));
    });
  }

  /** Returns the number of unsettled messages that are not known, of each stream. */
  #unknown(before: readonly Turn[], unsettled: Readonly<Record<string, number>>): number[] {
    return Object.entries(unsettled).map(([stream, count]) =>
      count - before.filter((turn) => turn.stream === stream && this.known.has(turn)).length
    );
  }
}
