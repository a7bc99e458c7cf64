import type { Clock } from "../../engine/clock.ts";
import type { Lease, Leases } from "../../engine/leases.ts";
import type { AckSubject } from "../../core/delivery.ts";
import { BLOCKED_MS, LAPSE_MS, TICK_MS } from "./ack_wait.ts";
import type { SharedDeliveries } from "./shared_deliveries.ts";

/** How long a handler waits when one before it has blocked the thread: for acks to go out and messages to come in. */
const TURN_MS = 50;
/** A tick this old means that timers were due and could not run. */
const LATE_MS = 2 * TICK_MS;

/** What happens to the thread that handlers run on, for the log. */
interface BlockEvents {
  /** It was blocked for so long; `lapsed`: for longer than what it holds was kept. */
  readonly blocked: (forMs: number, lapsed: boolean) => void;
  /** Something held has no place in the table, for the first time. */
  readonly full: () => void;
}

/**
 * The main thread's part in keeping what is held: it writes that down where a stand-in can read it, shows every
 * second that it is well, and finds out when it, or the whole process, was not.
 *
 * Whether a delivery is still ours is a matter of time without a sign of life, of whoever gave it: none for
 * `LAPSE_MS`, and all that was handed out before may be with another replica. That is counted as a lapse. What runs
 * then cannot be undone; what has not begun must not.
 */
export class SharedLeases implements Leases {
  #tickMs: number;
  #lapses = 0;
  #lapsesSeen = 0;
  #full = false;
  #cancel: () => void = () => {};

  constructor(readonly table: SharedDeliveries, readonly clock: Clock, readonly events: BlockEvents) {
    this.#tickMs = table.mainMs = clock.now();
  }

  start(): void {
    this.#cancel = this.clock.timer(TICK_MS, () => {
      this.#tick();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  hold(handle: AckSubject): Lease {
    return new Held(this, handle);
  }

  /** How often what was held may have been lost. */
  get lapses(): number {
    return this.#lapses;
  }

  put(slot: number, handle: AckSubject): number {
    const put = this.table.replace(slot, handle);
    if (put < 0 && !this.#full) {
      this.#full = true;
      this.events.full();
    }
    return put;
  }

  /** Resolves once the thread's timers have run; undefined when they do. */
  turn(): Promise<void> | undefined {
    if (this.clock.now() - this.#tickMs < LATE_MS) return undefined;
    return new Promise((resolve) => void this.clock.timer(TURN_MS, resolve));
  }

  #tick(): void {
    const now = this.clock.now(), forMs = now - this.#tickMs;
    // In this order: the stand-in counts a lapse before it writes down that all is well.
    const keptMs = this.table.standInMs, lapses = this.table.lapses;
    const lapsed = now - Math.max(this.#tickMs, keptMs) > LAPSE_MS || lapses !== this.#lapsesSeen;
    if (lapsed) this.#lapses++;
    this.#lapsesSeen = lapses;
    this.#tickMs = this.table.mainMs = now;
    if (forMs > BLOCKED_MS) this.events.blocked(forMs, lapsed);
  }
}

class Held implements Lease {
  #slot: number;
  #lapses: number;

  constructor(readonly keeper: SharedLeases, handle: AckSubject) {
    this.#slot = keeper.put(-1, handle);
    this.#lapses = keeper.lapses;
  }

  isValid(): boolean | Promise<boolean> {
    const turn = this.keeper.turn();
    return turn ? turn.then(() => this.isValid()) : this.#lapses === this.keeper.lapses;
  }

  renew(handle: AckSubject): void {
    this.#slot = this.keeper.put(this.#slot, handle);
    this.#lapses = this.keeper.lapses;
  }

  release(): void {
    this.#slot = this.keeper.table.remove(this.#slot);
  }
}
