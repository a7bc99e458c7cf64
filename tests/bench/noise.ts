import { shown } from "./report.ts";
import { spreadOf } from "./rounds.ts";

const STEPS = 20_000_000;
const WARM_UPS = 3;

/** Measures how evenly this machine runs: the time of a fixed loop, and the load, between the runs of a bench. */
export class Noise {
  readonly #ms: number[] = [];
  readonly #loads: number[] = [];

  constructor() {
    for (let i = 0; i < WARM_UPS; i++) loop();
  }

  /** Runs the loop once. */
  sample(): void {
    const beganMs = performance.now();
    loop();
    this.#ms.push(performance.now() - beganMs);
    this.#loads.push(Deno.loadavg()[0]);
  }

  /** Describes the samples. Without any, it is empty. */
  toString(): string {
    if (this.#ms.length === 0) return "";
    const { median, least, most } = spreadOf(this.#ms), load = spreadOf(this.#loads);
    return `noise: between the runs, the same loop took ${shown(median)} ms (${shown(least)} to ${shown(most)}, ` +
      `${Math.round((most / least - 1) * 100)} % apart); load ${shown(load.least)} to ${shown(load.most)}`;
  }
}

/** Integer arithmetic, which allocates nothing. */
function loop(): number {
  let value = 1;
  for (let i = 0; i < STEPS; i++) value = Math.imul(value, 1_664_525) + i | 0;
  return value;
}
