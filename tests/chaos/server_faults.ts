import type { NatsServer } from "../../runtime/nats_server/server.ts";
import type { Random } from "../support/random.ts";
import type { FaultKind, PlannedFault } from "./faults.ts";
import { pause } from "./pause.ts";

/** Numbers of faults of each kind. */
export interface ServerFaults {
  readonly kills: number;
  readonly restarts: number;
  readonly stops: number;
}

const DOWN_MS = [0, 2_000] as const;
const STOP_MS = [1_000, 4_000] as const;

/** Plans faults of a single server, in random order and of random lengths. */
export function planServerFaults(
  server: NatsServer,
  random: Random,
  { kills, restarts, stops }: ServerFaults,
): PlannedFault[] {
  const fault =
    (kind: FaultKind, lengthMs: readonly [number, number], run: (ms: number) => Promise<void>) => (): PlannedFault => {
      const ms = random.between(...lengthMs);
      return {
        kind,
        run: async () => {
          const { pid } = server, atMs = performance.now();
          await run(ms);
          return { target: "the server", pid, atMs };
        },
      };
    };
  const kill = fault("server kill -9", DOWN_MS, async (ms) => {
    await server.kill();
    await pause(ms);
    await server.restart();
  });
  const restart = fault("server restart", DOWN_MS, () => server.restart());
  const stop = fault("server stop", STOP_MS, async (ms) => {
    Deno.kill(server.pid, "SIGSTOP");
    await pause(ms);
    Deno.kill(server.pid, "SIGCONT");
  });
  return random.shuffled([
    ...Array.from({ length: kills }, kill),
    ...Array.from({ length: restarts }, restart),
    ...Array.from({ length: stops }, stop),
  ]);
}
