import type { NatsServer } from "../../runtime/nats_server/server.ts";
import type { Dice } from "./dice.ts";
import type { FaultKind, Plan } from "./faults.ts";
import { pause } from "./pause.ts";

/** How many of each. */
export interface BrokerFaults {
  readonly kills: number;
  readonly restarts: number;
  readonly stops: number;
}

const DOWN_MS = [0, 2_000] as const;
const STOP_MS = [1_000, 4_000] as const;

/** Faults of a single server in an order and for lengths that come from the dice. */
export function planBrokerFaults(server: NatsServer, dice: Dice, { kills, restarts, stops }: BrokerFaults): Plan[] {
  const fault =
    (kind: FaultKind, lengthMs: readonly [number, number], run: (ms: number) => Promise<void>) => (): Plan => {
      const ms = dice.between(...lengthMs);
      return {
        kind,
        run: async () => {
          const { pid } = server, atMs = performance.now();
          await run(ms);
          return { target: "the server", pid, atMs };
        },
      };
    };
  const kill = fault("broker kill -9", DOWN_MS, async (ms) => {
    await server.kill();
    await pause(ms);
    await server.restart();
  });
  const restart = fault("broker restart", DOWN_MS, () => server.restart());
  const stop = fault("broker stop", STOP_MS, async (ms) => {
    Deno.kill(server.pid, "SIGSTOP");
    await pause(ms);
    Deno.kill(server.pid, "SIGCONT");
  });
  return dice.shuffled([
    ...Array.from({ length: kills }, kill),
    ...Array.from({ length: restarts }, restart),
    ...Array.from({ length: stops }, stop),
  ]);
}
