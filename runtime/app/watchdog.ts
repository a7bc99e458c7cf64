import type { ResolvedFunction } from "../project/resolve_function.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { NatsOptions } from "../nats/client/connection.ts";
import { SharedDeliveries } from "../nats/consume/shared_deliveries.ts";
import { SharedLeases } from "../nats/consume/leases.ts";
import { withTimeout } from "../nats/client/with_timeout.ts";
import type { StandInNews, StandInStart } from "./watchdog_thread.ts";
import type { Logger } from "../telemetry/otel/logs/logger.ts";

/** A message that is handed out again while it is held may for a moment come on top of what functions may hold. */
const SPARE_SLOTS = 64;
const STOP_MS = 2_000;

/** Keeps what the functions hold, also while one of them blocks the thread that it is kept from. */
export class WatchedLeases {
  readonly keepAlive: SharedLeases;
  #thread: Worker | undefined;
  readonly #ended = Promise.withResolvers<void>();

  constructor(readonly functions: readonly ResolvedFunction[], readonly log: Logger) {
    const slots = functions.reduce((sum, { policy }) => sum + policy.concurrency, SPARE_SLOTS);
    this.keepAlive = new SharedLeases(SharedDeliveries.create(slots), systemClock, {
      blocked: (forMs, lapsed) => {
        const then = lapsed
          ? "of the events it held, what had not begun is left to others, and what had begun may be run again elsewhere"
          : "the events it held were kept from being handed out again";
        log.warn(
          `the thread was blocked for ${(forMs / 1_000).toFixed(1)} s: a handler computed without awaiting, or the ` +
            `process was stopped. No other handler ran meanwhile, and timeouts came late; ${then}. Let long work ` +
            "await a timer now and then, or move it to a Worker",
          { for_ms: forMs },
        );
      },
      full: () => log.warn("an event has no place in the table of what is held: a handler that blocks may lose it"),
    });
  }

  /**
   * Starts the thread that stands in for this one. That takes this one 10 to 15 ms; where it fails it is reported, and
   * all is as it would be without.
   */
  start(options: NatsOptions): void {
    if (this.functions.length === 0) return;
    this.keepAlive.start();
    try {
      const thread = new Worker(new URL("./watchdog_thread.ts", import.meta.url), { type: "module" });
      this.#thread = thread;
      thread.onmessage = ({ data }: MessageEvent<StandInNews>) => {
        if (data === "stopped") this.#ended.resolve();
        else this.#failed(data.problem);
      };
      thread.onerror = (event) => {
        event.preventDefault(); // unheeded, the end of a thread is that of the process
        this.#failed(event.message);
        this.#ended.resolve();
      };
      const limitMs = Math.max(...this.functions.map(({ policy }) => policy.timeoutMs));
      const start: StandInStart = { memory: this.keepAlive.table.memory, options, limitMs };
      thread.postMessage(start);
    } catch (error) {
      this.#failed(String(error));
    }
  }

  async stop(): Promise<void> {
    this.keepAlive.stop();
    if (!this.#thread) return;
    this.#thread.postMessage("stop");
    await withTimeout(systemClock, STOP_MS, this.#ended.promise).catch(() => {});
    this.#thread.terminate();
  }

  #failed(problem: string): void {
    this.log.warn("events cannot be kept while a handler blocks the thread: another replica may run them too", {
      problem,
    });
  }
}
