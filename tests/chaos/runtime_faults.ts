import type { Dice } from "./dice.ts";
import type { Plan } from "./faults.ts";
import { pause } from "./pause.ts";
import type { Replicas } from "./replicas.ts";

/** How many of each. */
export interface RuntimeFaults {
  readonly kills: number;
  readonly terminations: number;
  /** Shorter than the server's wait for an ack: nothing may be handled twice. */
  readonly shortStops: number;
  /** Longer than it: the server hands out again what the stopped process holds. */
  readonly longStops: number;
}

const SHORT_STOP_MS = [1_000, 4_000] as const;
const LONG_STOP_MS = [16_500, 19_000] as const;
const DOWN_MS = [0, 1_000] as const;

/** Faults of the runtimes in an order, at victims and for lengths that come from the dice. */
export function planRuntimeFaults(replicas: Replicas, dice: Dice, count: RuntimeFaults): Plan[] {
  const { kills, terminations, shortStops, longStops } = count;
  const times = (n: number, make: () => Plan) => Array.from({ length: n }, make);
  const plans = dice.shuffled([
    ...times(kills, () => ending("runtime kill -9", replicas, dice)),
    ...times(terminations, () => ending("runtime SIGTERM", replicas, dice)),
    ...times(shortStops, () => stop(replicas, dice, SHORT_STOP_MS)),
  ]);
  // One long stop at a time: they are spread evenly among the others.
  for (let i = 0; i < longStops; i++) {
    const at = Math.floor((i + 0.25) * plans.length / longStops);
    plans.splice(at, 0, { ...stop(replicas, dice, LONG_STOP_MS), beside: true });
  }
  return plans;
}

function ending(kind: "runtime kill -9" | "runtime SIGTERM", replicas: Replicas, dice: Dice): Plan {
  const chance = dice.next(), downMs = dice.between(...DOWN_MS);
  return {
    kind,
    run: async () => {
      const victim = awake(replicas, chance);
      const atMs = performance.now();
      if (kind === "runtime kill -9") await replicas.kill(victim.place);
      else await replicas.terminate(victim.place);
      await pause(downMs);
      await replicas.startAgain(victim.place);
      return { ...victim, atMs };
    },
  };
}

function stop(replicas: Replicas, dice: Dice, lengthMs: readonly [number, number]): Plan {
  const chance = dice.next(), ms = dice.between(...lengthMs);
  return {
    kind: "runtime stop",
    run: async () => {
      const victim = awake(replicas, chance);
      const atMs = performance.now();
      replicas.stop(victim.place);
      await pause(ms);
      replicas.continue(victim.place);
      return { ...victim, atMs };
    },
  };
}

function awake(replicas: Replicas, chance: number): { place: number; target: string; pid: number } {
  const places = replicas.awake();
  const place = places[Math.floor(chance * places.length)], pid = replicas.pid(place);
  return { place, target: `replica ${place + 1}`, pid };
}
