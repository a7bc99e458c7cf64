/**
 * The watchdog's thread. A blocked main thread could not start it, so the main thread starts it when the first delivery
 * arrives, before a handler runs. It loads the NATS client and connects when the main thread is first blocked.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";
import { systemClock } from "../../engine/system_clock.ts";
import type { NatsOptions } from "../client/nats_options.ts";
import { THREAD_HEARTBEAT_MS } from "./ack_wait.ts";
import { SharedDeliveries } from "./shared_deliveries.ts";
import { Watchdog, type WatchdogConnection } from "./watchdog.ts";

/** The first message to the thread; the second is `stop`. */
export interface WatchdogStart {
  readonly memory: SharedArrayBuffer;
  readonly options: NatsOptions;
  readonly limitMs: number;
  readonly logFormat: "json" | "pretty";
  /** The time of this message, by the clock of the main thread. */
  readonly nowMs: number;
}

/** A message from the thread: it has stopped, or an error occurred. */
export type WatchdogMessage = "stopped" | { readonly problem: string };

const scope = globalThis as unknown as {
  onmessage: (message: MessageEvent<WatchdogStart | "stop">) => void;
  postMessage: (message: WatchdogMessage) => void;
};
let nc: NatsConnection | undefined;
let cancel = () => {};

scope.onmessage = ({ data }) => {
  if (data !== "stop") return run(data);
  cancel();
  void Promise.resolve(nc?.close()).finally(() => scope.postMessage("stopped"));
};

function run({ memory, options, limitMs, logFormat, nowMs }: WatchdogStart): void {
  const table = new SharedDeliveries(memory), clock = mainThreadClock(table, nowMs);
  const report = (forMs: number, functions: readonly string[]) => console.log(blockedLine(forMs, functions, logFormat));
  const watchdog = new Watchdog(table, () => connect(options), limitMs, clock, report);
  let last: string | undefined;
  const sleep = () => {
    cancel = systemClock.timer(THREAD_HEARTBEAT_MS, async () => {
      try {
        await watchdog.check();
        last = undefined;
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        if (problem !== last) scope.postMessage({ problem });
        last = problem;
      }
      sleep();
    });
  };
  sleep();
}

/**
 * Returns the main thread's clock, for this thread. The two clocks differ if the system's time was set before this
 * thread started. `aheadMs` is how far the main thread's clock is ahead. It is too small at first, by the time for
 * which the start message was on its way. Each heartbeat of the main thread gives another value, which is too small as
 * well, so the greatest value is the closest.
 */
function mainThreadClock(table: SharedDeliveries, startMs: number): Clock {
  const { now } = systemClock;
  let aheadMs = startMs - now();
  return { ...systemClock, now: () => now() + (aheadMs = Math.max(aheadMs, table.mainMs - now())) };
}

async function connect(options: NatsOptions): Promise<WatchdogConnection> {
  const { extend } = await import("./settle.ts");
  if (!nc || nc.isClosed()) {
    const { connectNats } = await import("../client/connection.ts");
    nc = await connectNats({ ...options, name: `${options.name} (watchdog)` });
  }
  const connection = nc;
  return { extend: (ackSubject) => extend(connection, ackSubject), flush: () => connection.flush() };
}

/** Formats the log line about a blocked main thread, which cannot write one itself. */
function blockedLine(forMs: number, functions: readonly string[], format: "json" | "pretty"): string {
  const time = new Date().toISOString(), which = functions.join(" or ") || "code outside of handlers";
  const message = `the thread has been blocked for ${Math.round(forMs / 1_000)} s by ${which}: no other handler, ` +
    "request or timeout runs until it awaits";
  if (format === "json") return JSON.stringify({ time, level: "error", message, functions, for_ms: forMs });
  return `${time.slice(11, 23)} error ${message}`;
}
