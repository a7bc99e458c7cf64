/**
 * Returns what is wrong with a function's name, or undefined for a correct name. Consumers have that name, and subjects
 * contain it.
 */
export function functionNameProblem(name: unknown): string | undefined {
  if (typeof name === "string" && /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name)) return undefined;
  return `${JSON.stringify(name)} cannot be a function's name: a letter, then letters, digits, _ and -, 64 at most`;
}
