/** The median of a figure over the rounds, and its range: the noise of this machine. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Returns the spread of values. @throws {RangeError} without values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("there are no values to take the spread of");
  const sorted = values.toSorted((a, b) => a - b), half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { median, least: sorted[0], most: sorted.at(-1)! };
}

/** Returns the spread of values; undefined if one is missing. */
export function spreadOfAll(values: readonly (number | undefined)[]): Spread | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length || known.length === 0 ? undefined : spreadOf(known);
}

/** Returns the spread of the ratios of two figures, round by round: noise of the machine affects both. */
export function ratioOf(of: readonly number[], to: readonly number[]): Spread {
  return spreadOf(of.map((value, round) => value / to[round]));
}

/** A measurement that is repeated in each round. */
export interface Turn<Result> {
  readonly name: string;
  run(round: number): Promise<Result>;
}

/**
 * Runs every turn once a round, and begins each round with another turn. So a slow minute, or the turn before, does not
 * always affect the same one.
 */
export async function interleave<Result>(
  rounds: number,
  turns: readonly Turn<Result>[],
  progress: (line: string) => void,
): Promise<Map<string, Result[]>> {
  const results = new Map<string, Result[]>(turns.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < turns.length; i++) {
      const turn = turns[(i + round) % turns.length];
      progress(`round ${round + 1} of ${rounds}: ${turn.name}`);
      results.get(turn.name)!.push(await turn.run(round));
    }
  }
  return results;
}
