/**
 * The candidate that was probably meant by a word that is none of them; undefined when none is near. Case does not
 * count, letters that changed places count once.
 *
 * @param within so many letters may be wrong; unless given, of a short word fewer than of a long one
 */
export function nearest(
  word: string,
  candidates: Iterable<string>,
  within: number = Math.floor(word.length / 4) + 1,
): string | undefined {
  let best: string | undefined, least = within + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least && distance < candidate.length) [best, least] = [candidate, distance];
  }
  return best;
}

/** ` did you mean "timeout"?` after a colon, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? "" : `: did you mean ${JSON.stringify(meant)}?`;
}

/** How many letters have to be added, dropped, changed or swapped with their neighbour to make the one of the other. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [], last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, changed);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}
