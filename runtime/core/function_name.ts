/** Returns the fault of a function's name, or undefined for a correct one. It names consumers and is part of subjects. */
export function functionNameProblem(name: unknown): string | undefined {
  if (typeof name === "string" && /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name)) return undefined;
  return `${JSON.stringify(name)} cannot be a function's name: a letter, then letters, digits, _ and -, 64 at most`;
}
