import type { Dice } from "./dice.ts";
import type { Verdict } from "./trial.ts";

/** What a scenario is run with. */
export interface Setting {
  readonly events: number;
  readonly dice: Dice;
  /** Tells how it goes, a line at a time. */
  readonly say: (line: string) => void;
}

/** What a scenario found. */
export interface Section {
  readonly name: string;
  readonly figures: Readonly<Record<string, number | string>>;
  /** Where events went through faults. */
  readonly verdict?: Verdict;
  /** Each bar that was broken, in words. */
  readonly broken: readonly string[];
}

/** One part of `deno task chaos`. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** How many events, where it is run alone and nothing else is asked for. */
  readonly events: number;
  run(setting: Setting): Promise<Section>;
}

/** So many faults for fewer events: at least one of each. */
export function scaled(count: number, share: number): number {
  return Math.min(count, Math.max(1, Math.round(count * share)));
}
