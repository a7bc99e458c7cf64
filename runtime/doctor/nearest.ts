/** The name that a slip of a key or two makes of another; undefined where none is near. */
export function nearest(name: string, names: readonly string[], within = 2): string | undefined {
  const [best] = names.map((other) => ({ other, steps: distance(name, other) }))
    .filter(({ steps }) => steps > 0 && steps <= within)
    .sort((a, b) => a.steps - b.steps);
  return best?.other;
}

/** How many letters must be put in, taken out or replaced to make one of the other. */
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
