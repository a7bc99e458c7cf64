import type { Clock } from "../../engine/clock.ts";
import type { Lease, Leases } from "../../engine/leases.ts";
import { TickQueue } from "../client/write_batch.ts";
import { BLOCKED_MS, LEASE_MS, THREAD_HEARTBEAT_MS } from "./ack_wait.ts";
import type { SharedDeliveries } from "./shared_deliveries.ts";

/**
 * Milliseconds that a handler waits after another handler has blocked the thread. Meanwhile the event loop sends acks
 * and reads messages.
 */
const PAUSE_MS = 50;
/**
 * Age of the last heartbeat, in milliseconds, from which the thread counts as late: a timer should have written
 * another.
 */
const LATE_MS = 2 * THREAD_HEARTBEAT_MS;

interface LeaseEvents {
  /** Called when the first delivery has arrived, before it begins. */
  readonly onFirst: () => void;
  /** Called after the thread was blocked. `expired` is true if the leases of all held deliveries expired meanwhile. */
  readonly onBlocked: (forMs: number, expired: boolean) => void;
  /** Called the first time that a held delivery does not fit into the table. */
  readonly onFull: () => void;
  /** Resolves once everything has arrived that the server sent before the call. Default: at once. */
  readonly flush?: () => Promise<unknown>;
}

/** Value of `lapsesAtArrival` for a delivery whose lease had expired before it arrived. */
const EXPIRED = -1;

/**
 * The leases of all held deliveries. The main thread writes their ack subjects and a heartbeat to a table that the
 * watchdog thread reads.
 *
 * All leases expire when neither this thread nor the watchdog has run for `LEASE_MS`: another replica may then own
 * every held delivery. Each such expiry counts as a lapse. A handler that runs goes on. A handler that has not begun
 * must not begin. That holds as well for a delivery that was on its way meanwhile, and arrives after the expiry.
 */
export class SharedLeases implements Leases {
  #heartbeatMs: number;
  #systemMs = Date.now();
  #lapses = 0;
  #watchdogLapses = 0;
  #full = false;
  #taken = false;
  /** Number of expiries after which deliveries from before may still arrive. */
  #flushing = 0;
  readonly #freed = new TickQueue<number>((slots) => slots.forEach((slot) => this.table.remove(slot)));
  #cancel: () => void = () => {};

  constructor(readonly table: SharedDeliveries, readonly clock: Clock, readonly events: LeaseEvents) {
    this.#heartbeatMs = table.mainMs = clock.now();
  }

  start(): void {
    this.#cancel = this.clock.timer(THREAD_HEARTBEAT_MS, () => {
      this.#heartbeat();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  take(ackSubject: Uint8Array): Lease {
    if (!this.#taken) {
      this.#taken = true;
      this.events.onFirst();
    }
    return new SharedLease(this, ackSubject);
  }

  /** Number of times that all held leases expired. */
  get lapses(): number {
    return this.#lapses;
  }

  /** Lapses so far, which a delivery that arrives now remembers: any further one expires its lease. */
  get lapsesAtArrival(): number {
    return this.#flushing > 0 ? EXPIRED : this.#lapses;
  }

  put(slot: number, ackSubject: Uint8Array): number {
    const put = this.table.replace(slot, ackSubject);
    if (put < 0 && !this.#full) {
      this.#full = true;
      this.events.onFull();
    }
    return put;
  }

  /**
   * Frees a slot at the end of the event-loop tick, when the ack of its delivery leaves. The next handler may block the
   * thread before that, so the watchdog keeps the delivery until then.
   *
   * @returns -1, which stands for no slot
   */
  free(slot: number): -1 {
    if (slot >= 0) this.#freed.add(slot);
    return -1;
  }

  /** Resolves once the thread's timers have run. Undefined while they run in time. */
  untilTimersRan(nowMs: number = this.clock.now()): Promise<void> | undefined {
    if (nowMs - this.#heartbeatMs < LATE_MS) return undefined;
    return new Promise((resolve) => void this.clock.timer(PAUSE_MS, resolve));
  }

  #expired(): void {
    const { flush } = this.events;
    this.#lapses++;
    if (!flush) return;
    this.#flushing++;
    const end = () => void this.#flushing--;
    flush().then(end, end); // without the connection no delivery from before arrives
  }

  #heartbeat(): void {
    const now = this.clock.now(), forMs = now - this.#heartbeatMs;
    // While the machine sleeps, the monotonic clock stands still. After that, the operating system sets the system's
    // time forward. The difference is the time for which the machine slept.
    const systemMs = Date.now(), sleptMs = systemMs - this.#systemMs - forMs;
    this.#systemMs = systemMs;
    // Invariant: read the time before the lapses. The watchdog counts a lapse before it writes the time.
    const extendedMs = this.table.watchdogMs, lapses = this.table.lapses;
    const expired = now - Math.max(this.#heartbeatMs, extendedMs) > LEASE_MS || lapses !== this.#watchdogLapses ||
      sleptMs > LEASE_MS;
    if (expired) this.#expired();
    this.#watchdogLapses = lapses;
    this.#heartbeatMs = this.table.mainMs = now;
    if (forMs > BLOCKED_MS) this.events.onBlocked(forMs, expired);
  }
}

class SharedLease implements Lease {
  #slot: number;
  #lapses: number;

  constructor(readonly leases: SharedLeases, ackSubject: Uint8Array) {
    this.#slot = leases.put(-1, ackSubject);
    this.#lapses = leases.lapsesAtArrival;
  }

  isValid(nowMs?: number): boolean | Promise<boolean> {
    const timersRan = this.leases.untilTimersRan(nowMs);
    return timersRan ? timersRan.then(() => this.isValid()) : this.#lapses === this.leases.lapses;
  }

  renew(ackSubject: Uint8Array): void {
    this.#slot = this.leases.put(this.#slot, ackSubject);
    this.#lapses = this.leases.lapsesAtArrival;
  }

  release(): void {
    this.#slot = this.leases.free(this.#slot);
  }
}
