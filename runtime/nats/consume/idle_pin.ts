import type { PinnedFacts } from "./order_consumers.ts";
import { IDLE_MS } from "./pin_timing.ts";

/**
 * Takes a pin from a process that does not use it. The server may give a pin to the pull of a process that has ended, and
 * then delivers nothing for the whole `PIN_MS`. A process that has room gets what waits at once; so while messages wait,
 * none is unsettled, and none is delivered, the process with the pin is gone or takes no events.
 */
export class IdlePin {
  #checkedMs = -Infinity;
  #seen: PinnedFacts | undefined;

  constructor(readonly ask: () => Promise<PinnedFacts>, readonly unpin: () => void) {}

  /** Looks at the consumer, and takes the pin if nothing has changed since the last look. */
  check(nowMs: number): void {
    if (nowMs - this.#checkedMs < IDLE_MS) return;
    this.#checkedMs = nowMs;
    this.ask().then((facts) => this.#compare(facts), () => this.#seen = undefined);
  }

  #compare(facts: PinnedFacts): void {
    const { pinId, position, pending, unsettled } = facts, seen = this.#seen;
    const isIdle = pinId !== undefined && pending > 0 && unsettled === 0;
    this.#seen = isIdle ? facts : undefined;
    if (isIdle && seen?.pinId === pinId && seen.position === position) this.unpin();
  }
}
