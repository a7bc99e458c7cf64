import type { Clock } from "../../engine/clock.ts";
import { BLOCKED_MS, EXTEND_MS, LAPSE_MS, TICK_MS } from "./ack_wait.ts";
import type { SharedDeliveries } from "./shared_deliveries.ts";
import { withTimeout } from "../client/with_timeout.ts";

/** Longer than this the server is not waited for: what it was told may not have come. */
const ANSWER_MS = 2_000;

/** What it speaks to the server on. */
export interface Line {
  /** Says that the delivery answered on this subject is still being worked on. */
  extend(handle: string): void;
  /** Resolves once the server has everything said so far. */
  flush(): Promise<void>;
}

/** Keeps what the main thread holds while that one is blocked, and does nothing while it is well. */
export class Watchdog {
  #lookedMs: number;

  /**
   * @param connected the line to speak on; made when it is first needed, which it may never be
   * @param limitMs what blocks for longer than any handler may run is no computing but a hang: what is held is let
   * go then, or it would be kept from everybody for ever
   */
  constructor(
    readonly table: SharedDeliveries,
    readonly connected: () => Promise<Line>,
    readonly limitMs: number,
    readonly clock: Clock,
  ) {
    this.#lookedMs = clock.now();
  }

  /** Looks after the main thread: once a second. @throws {Error} when the server could not be told. */
  async look(): Promise<void> {
    const sinceMs = this.clock.now() - this.#lookedMs;
    try {
      // This thread stood still as well, so the process was stopped: the main thread may be as well as this one.
      if (sinceMs <= BLOCKED_MS) await this.#standIn();
    } finally {
      this.#lookedMs = this.clock.now();
    }
  }

  async #standIn(): Promise<void> {
    const { table, clock } = this;
    const blocked = () => {
      const forMs = clock.now() - table.mainMs;
      return forMs >= BLOCKED_MS && forMs <= this.limitMs + TICK_MS;
    };
    if (!blocked() || clock.now() - table.standInMs < EXTEND_MS) return;
    const line = await this.connected();
    if (!blocked()) return;
    const nowMs = clock.now();
    // Said before the time is: whoever sees that all was well just now must see as well that it was not, before.
    if (nowMs - Math.max(table.mainMs, table.standInMs) > LAPSE_MS) table.lapsed();
    for (const handle of table.handles()) line.extend(handle);
    await withTimeout(clock, ANSWER_MS, line.flush());
    table.standInMs = nowMs;
  }
}
