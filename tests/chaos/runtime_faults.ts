import type { Random } from "../support/random.ts";
import type { PlannedFault } from "./faults.ts";
import { pause } from "./pause.ts";
import type { Replicas } from "./replicas.ts";

/** Numbers of faults of each kind. */
export interface RuntimeFaults {
  readonly kills: number;
  readonly terminations: number;
  /** Stops shorter than the ack wait: no event may be repeated. */
  readonly shortStops: number;
  /** Stops longer than the ack wait: the server redelivers the events of the stopped process. */
  readonly longStops: number;
}

const SHORT_STOP_MS = [1_000, 4_000] as const;
const LONG_STOP_MS = [16_500, 19_000] as const;
const DOWN_MS = [0, 1_000] as const;

/** Plans faults of runtimes, in random order, of random victims and lengths. */
export function planRuntimeFaults(replicas: Replicas, random: Random, count: RuntimeFaults): PlannedFault[] {
  const { kills, terminations, shortStops, longStops } = count;
  const times = (n: number, make: () => PlannedFault) => Array.from({ length: n }, make);
  const planned = random.shuffled([
    ...times(kills, () => ending("runtime kill -9", replicas, random)),
    ...times(terminations, () => ending("runtime SIGTERM", replicas, random)),
    ...times(shortStops, () => stop(replicas, random, SHORT_STOP_MS)),
  ]);
  // Long stops are spread evenly, so that they do not overlap.
  for (let i = 0; i < longStops; i++) {
    const at = Math.floor((i + 0.25) * planned.length / longStops);
    planned.splice(at, 0, { ...stop(replicas, random, LONG_STOP_MS), concurrent: true });
  }
  return planned;
}

function ending(kind: "runtime kill -9" | "runtime SIGTERM", replicas: Replicas, random: Random): PlannedFault {
  const chance = random.next(), downMs = random.between(...DOWN_MS);
  return {
    kind,
    run: async () => {
      const victim = pickVictim(replicas, chance);
      const atMs = performance.now();
      if (kind === "runtime kill -9") await replicas.kill(victim.index);
      else await replicas.terminate(victim.index);
      await pause(downMs);
      await replicas.restart(victim.index);
      return { ...victim, atMs };
    },
  };
}

function stop(replicas: Replicas, random: Random, lengthMs: readonly [number, number]): PlannedFault {
  const chance = random.next(), ms = random.between(...lengthMs);
  return {
    kind: "runtime stop",
    run: async () => {
      const victim = pickVictim(replicas, chance);
      const atMs = performance.now();
      replicas.stop(victim.index);
      await pause(ms);
      replicas.continue(victim.index);
      return { ...victim, atMs };
    },
  };
}

function pickVictim(replicas: Replicas, chance: number): { index: number; target: string; pid: number } {
  const indexes = replicas.notStopped();
  const index = indexes[Math.floor(chance * indexes.length)], pid = replicas.pid(index);
  return { index, target: `replica ${index + 1}`, pid };
}
