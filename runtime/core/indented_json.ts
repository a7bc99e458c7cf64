/** Levels of a value that are indented: the indentation of deep JSON takes quadratic room. */
const MAX_LEVELS = 50;

/** Returns a value as JSON for people. It is indented unless it is nested too deeply to be read. */
export function indentedJson(value: unknown): string {
  return isDeep(value, MAX_LEVELS) ? JSON.stringify(value) : JSON.stringify(value, null, 2);
}

function isDeep(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeep(inner, levels - 1));
}
