/**
 * The thread that keeps what the main one holds while a handler blocks that. It is there from the start, since a
 * thread that is blocked can start none; but until it is needed it has neither a connection nor the code for one.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../engine/system_clock.ts";
import { TICK_MS } from "../nats/consume/ack_wait.ts";
import type { NatsOptions } from "../nats/client/connection.ts";
import { SharedDeliveries } from "../nats/consume/shared_deliveries.ts";
import { type Line, Watchdog } from "../nats/consume/watchdog.ts";

/** The first message to the thread; the second is `stop`. */
export interface StandInStart {
  readonly memory: SharedArrayBuffer;
  readonly options: NatsOptions;
  readonly limitMs: number;
}

/** What the thread says: that it has stopped, or what it could not do. */
export type StandInNews = "stopped" | { readonly problem: string };

const scope = globalThis as unknown as {
  onmessage: (message: MessageEvent<StandInStart | "stop">) => void;
  postMessage: (news: StandInNews) => void;
};
let nc: NatsConnection | undefined;
let stopSleeping = () => {};

scope.onmessage = ({ data }) => {
  if (data !== "stop") return run(data);
  stopSleeping();
  void Promise.resolve(nc?.close()).finally(() => scope.postMessage("stopped"));
};

function run({ memory, options, limitMs }: StandInStart): void {
  const standIn = new Watchdog(SharedDeliveries.open(memory), () => connected(options), limitMs, systemClock);
  let last: string | undefined;
  const sleep = () => {
    stopSleeping = systemClock.timer(TICK_MS, async () => {
      try {
        await standIn.look();
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

async function connected(options: NatsOptions): Promise<Line> {
  const { extend } = await import("../nats/consume/settle.ts");
  if (!nc || nc.isClosed()) {
    const { connectNats } = await import("../nats/client/connection.ts");
    nc = await connectNats({ ...options, name: `${options.name} (keep-alive)` });
  }
  const line = nc;
  return { extend: (handle) => extend(line, handle), flush: () => line.flush() };
}
