import { distance } from "fastest-levenshtein";

/**
 * Returns the candidate that a misspelt word probably means, or undefined if none is near. Case does not count; two
 * letters that changed places count as two edits.
 *
 * @param within Most letters added, dropped or changed. Default: one, and one more for every four letters of `word`.
 */
export function nearest(
  word: string,
  candidates: Iterable<string>,
  within: number = Math.floor(word.length / 4) + 1,
): string | undefined {
  let best: string | undefined, least = within + 1;
  for (const candidate of candidates) {
    // Fast path: the difference in length is the least number of edits, and `distance` takes longer for longer words.
    if (Math.abs(word.length - candidate.length) >= least) continue;
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < least && edits < candidate.length) [best, least] = [candidate, edits];
  }
  return best;
}

/** Returns `: did you mean "timeout"?` to end an error's message with, or an empty text if no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? "" : `: did you mean ${JSON.stringify(meant)}?`;
}
