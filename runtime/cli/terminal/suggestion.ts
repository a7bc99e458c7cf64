import { oneOf } from "../../project/startup_problems.ts";

/** As many letters may be wrong in a name that still looks like another. */
const MOST_WRONG = 3;

/** What to say after an unknown name: the one that was probably meant, or else all that there are. */
export function suggestion(given: string, names: Iterable<string>): string {
  const all = [...names];
  const near = all.map((name) => ({ name, wrong: distance(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, wrong }) => wrong <= Math.min(MOST_WRONG, Math.floor(name.length / 2)))
    .sort((a, b) => a.wrong - b.wrong)[0];
  return near ? `did you mean "${near.name}"?` : `there are: ${oneOf(all)}`;
}

/** How many letters must be put in, taken out or changed to make one text of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
