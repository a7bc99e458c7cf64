import type { Clock } from "../../engine/clock.ts";
import { withTimeout } from "../client/with_timeout.ts";
import { BLOCKED_MS, EXTEND_INTERVAL_MS, LEASE_MS, THREAD_HEARTBEAT_MS } from "./ack_wait.ts";
import type { SharedDeliveries } from "./shared_deliveries.ts";

/**
 * Longest wait, in milliseconds, for the server to confirm in-progress acks. Acks without a confirmation do not count.
 */
const FLUSH_MS = 2_000;

export interface WatchdogConnection {
  extend(ackSubject: string): void;
  /** Resolves once the server has read everything sent so far. */
  flush(): Promise<void>;
}

/** Sends in-progress acks for the main thread while that thread is blocked. */
export class Watchdog {
  #checkedMs: number;
  #reported = false;

  /**
   * @param connect is called when the main thread is first blocked
   * @param limitMs the longest timeout of a handler. A thread that is blocked for longer hangs, and its deliveries go
   * to other replicas.
   */
  constructor(
    readonly table: SharedDeliveries,
    readonly connect: () => Promise<WatchdogConnection>,
    readonly limitMs: number,
    readonly clock: Clock,
    /** Runs once for each time that the main thread is blocked, with the functions that hold deliveries. */
    readonly onBlocked: (forMs: number, functionNames: readonly string[]) => void = () => {},
  ) {
    this.#checkedMs = clock.now();
  }

  /**
   * Checks the main thread. Call it once a second.
   *
   * @throws {Error} when the server could not be reached.
   */
  async check(): Promise<void> {
    const sinceMs = this.clock.now() - this.#checkedMs;
    try {
      // If this thread stood still as well, the process was stopped, and the main thread may be running again.
      if (sinceMs > BLOCKED_MS) return;
      this.#report();
      await this.#extendIfBlocked();
    } finally {
      this.#checkedMs = this.clock.now();
    }
  }

  #report(): void {
    const forMs = this.clock.now() - this.table.mainMs, wasReported = this.#reported;
    this.#reported = forMs >= BLOCKED_MS;
    if (this.#reported && !wasReported) this.onBlocked(forMs, functionsOf(this.table.ackSubjects()));
  }

  async #extendIfBlocked(): Promise<void> {
    const { table, clock } = this;
    const blocked = () => {
      const forMs = clock.now() - table.mainMs;
      return forMs >= BLOCKED_MS && forMs <= this.limitMs + THREAD_HEARTBEAT_MS;
    };
    if (!blocked() || clock.now() - table.watchdogMs < EXTEND_INTERVAL_MS) return;
    const connection = await this.connect();
    if (!blocked()) return;
    const nowMs = clock.now();
    // Invariant: count the lapse before writing the time. A reader that sees the new time must also see the lapse.
    if (nowMs - Math.max(table.mainMs, table.watchdogMs) > LEASE_MS) table.countLapse();
    for (const ackSubject of table.ackSubjects()) connection.extend(ackSubject);
    await withTimeout(clock, FLUSH_MS, connection.flush());
    table.watchdogMs = nowMs;
  }
}

/**
 * Returns the functions of ack subjects, each once. A function has the name of its consumer, which is the fourth token
 * of `$JS.ACK.<stream>.<consumer>.…`, and the sixth where domain and account precede the stream.
 */
function functionsOf(ackSubjects: readonly string[]): string[] {
  const tokens = ackSubjects.map((subject) => subject.split("."));
  return [...new Set(tokens.map((parts) => parts[parts.length === 9 ? 3 : 5]))].sort();
}
