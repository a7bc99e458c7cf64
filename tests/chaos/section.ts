import type { Random } from "../support/random.ts";
import type { Verdict } from "./trial.ts";

/** The parameters of a scenario's run. */
export interface Setting {
  readonly events: number;
  readonly random: Random;
  /** Reports progress, one line at a time. */
  readonly progress: (line: string) => void;
}

/** The result of a scenario. */
export interface Section {
  readonly name: string;
  readonly figures: Readonly<Record<string, number | string>>;
  /** The verdict, for scenarios that are trials. */
  readonly verdict?: Verdict;
  /** The broken bars, in words. */
  readonly broken: readonly string[];
}

/** A scenario of `deno task chaos`. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** The number of events unless `--events` is given. */
  readonly events: number;
  run(setting: Setting): Promise<Section>;
}

/** Scales a number of faults to a smaller load: at least one. */
export function scaled(count: number, share: number): number {
  return Math.min(count, Math.max(1, Math.round(count * share)));
}
