import type { Log } from "../../api/context.ts";
import { prefetchLimit } from "../../engine/prefetch.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { eventsAtOnce } from "../../project/batch_policy.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { withTimeout } from "../client/with_timeout.ts";
import { SharedDeliveries } from "./shared_deliveries.ts";
import { SharedLeases } from "./shared_leases.ts";
import type { WatchdogMessage, WatchdogStart } from "./watchdog_thread.ts";

/** Slots beyond those that the functions may hold: a redelivery of a held message takes a second slot for a moment. */
const SPARE_SLOTS = 64;
const STOP_MS = 2_000;

type WatchdogOptions = Pick<WatchdogStart, "options" | "logFormat">;

/**
 * Returns the number of slots that a function needs. Its consumer of events and its consumer of retries may each bring
 * as many deliveries as the function may hold. Deliveries that ended in the same tick still have their slots.
 */
function slotsOf(policy: ResolvedFunction["policy"], functions: number): number {
  return 3 * (eventsAtOnce(policy) + prefetchLimit(policy.concurrency, functions, 1, Infinity).deliveries);
}

/** The leases of all deliveries of some functions, and the thread that extends them while this one is blocked. */
export class WatchedLeases {
  readonly leases: SharedLeases;
  #watchdog: WatchdogOptions | undefined;
  #thread: Worker | undefined;
  readonly #stopped = Promise.withResolvers<void>();

  /** @param flush resolves once everything has arrived that the server sent before the call */
  constructor(
    readonly functions: readonly ResolvedFunction[],
    readonly log: Log,
    flush: () => Promise<unknown>,
  ) {
    const slots = functions.reduce((sum, { policy }) => sum + slotsOf(policy, functions.length), SPARE_SLOTS);
    this.leases = new SharedLeases(SharedDeliveries.create(slots), systemClock, {
      flush,
      onFirst: () => this.#watchdog && this.#startThread(this.#watchdog),
      onBlocked: (forMs, expired) => {
        const then = expired
          ? "the leases of all held events expired: those that had not begun are left to other replicas, the others " +
            "may be run a second time"
          : "the watchdog kept the leases of all held events";
        log.warn(
          `the thread was blocked for ${(forMs / 1_000).toFixed(1)} s: a handler computed without awaiting, or the ` +
            `process was stopped. No other handler ran meanwhile, and timeouts came late; ${then}. Let long work ` +
            "await a timer now and then, or move it to a Worker",
          { for_ms: forMs },
        );
      },
      onFull: () => log.warn("the table of held events is full: an event may be redelivered while a handler blocks"),
    });
  }

  /**
   * Starts to keep the leases. The watchdog's thread starts with the first delivery, before any handler can block this
   * thread: a process that gets no delivery saves its start and its 12 MB. While this thread is blocked the watchdog
   * writes a log line itself. If its thread cannot start, that is logged, and events are handled without a watchdog.
   *
   * @param watchdog Settings of the watchdog's thread. Undefined: there is no watchdog.
   */
  start(watchdog: WatchdogOptions | undefined): void {
    if (this.functions.length === 0) return;
    this.#watchdog = watchdog;
    this.leases.start();
  }

  async stop(): Promise<void> {
    this.leases.stop();
    this.#watchdog = undefined;
    if (!this.#thread) return;
    this.#thread.postMessage("stop");
    await withTimeout(systemClock, STOP_MS, this.#stopped.promise).catch(() => {});
    this.#thread.terminate();
  }

  #startThread(watchdog: WatchdogOptions): void {
    try {
      const thread = new Worker(new URL("./watchdog_thread.ts", import.meta.url), { type: "module" });
      this.#thread = thread;
      thread.onmessage = ({ data }: MessageEvent<WatchdogMessage>) => {
        if (data === "stopped") this.#stopped.resolve();
        else this.#failed(data.problem);
      };
      thread.onerror = (event) => {
        event.preventDefault(); // an unhandled error of a thread ends the process
        this.#failed(event.message);
        this.#stopped.resolve();
      };
      const limitMs = Math.max(...this.functions.map(({ policy }) => policy.timeoutMs));
      const start: WatchdogStart = { memory: this.leases.table.memory, limitMs, nowMs: systemClock.now(), ...watchdog };
      thread.postMessage(start);
    } catch (error) {
      this.#failed(String(error));
    }
  }

  #failed(problem: string): void {
    this.log.warn("the watchdog cannot keep leases while a handler blocks: another replica may run its events too", {
      problem,
    });
  }
}
