/** The middle of several rounds, and how far they lie apart: what this machine does to a figure. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @throws {RangeError} when there are none */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("the spread of no values was asked for");
  const sorted = values.toSorted((a, b) => a - b), half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { median, least: sorted[0], most: sorted.at(-1)! };
}

/** The spread of those that there are; undefined when a round has none. */
export function spreadOfAll(values: readonly (number | undefined)[]): Spread | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length || known.length === 0 ? undefined : spreadOf(known);
}

/** Each round of one beside the same round of another: what the machine did meanwhile, it did to both. */
export function ratioOf(of: readonly number[], to: readonly number[]): Spread {
  return spreadOf(of.map((value, round) => value / to[round]));
}

/** One of those that take turns. */
export interface Turn<Result> {
  readonly name: string;
  run(round: number): Promise<Result>;
}

/**
 * Lets all run once a round, and begins each round with another: whoever runs next to a slow minute, or behind what
 * warmed the machine, is somebody else each time.
 */
export async function interleave<Result>(
  rounds: number,
  turns: readonly Turn<Result>[],
  tell: (what: string) => void,
): Promise<Map<string, Result[]>> {
  const results = new Map<string, Result[]>(turns.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < turns.length; i++) {
      const turn = turns[(i + round) % turns.length];
      tell(`round ${round + 1} of ${rounds}: ${turn.name}`);
      results.get(turn.name)!.push(await turn.run(round));
    }
  }
  return results;
}
