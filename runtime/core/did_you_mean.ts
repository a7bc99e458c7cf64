import { distance } from "fastest-levenshtein";

/**
 * The candidate that was probably meant by a word that is none of them; undefined when none is near. Case does not
 * count; two letters that changed places count as two.
 *
 * @param within Most letters that may be added, dropped or changed. Default: one, and one more for every four of `word`.
 */
export function nearest(
  word: string,
  candidates: Iterable<string>,
  within: number = Math.floor(word.length / 4) + 1,
): string | undefined {
  let best: string | undefined, least = within + 1;
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < least && edits < candidate.length) [best, least] = [candidate, edits];
  }
  return best;
}

/** ` did you mean "timeout"?` after a colon, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? "" : `: did you mean ${JSON.stringify(meant)}?`;
}
