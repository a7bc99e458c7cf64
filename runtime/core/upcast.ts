/**
 * Functions that turn data of one version of an event into data of the next version, by the version that they take.
 * They are pure and synchronous.
 */
// deno-lint-ignore no-explicit-any -- the author names the type of an earlier version's data, which no schema gives
export type Upcasts = Readonly<Record<number, (data: any) => unknown>>;

/**
 * Returns data of an earlier version as data of the current one. Data of the current version, of a later one, of none,
 * or of one that no upcast takes are returned as they are.
 *
 * @param from Version of the data.
 * @throws {Error} naming the version whose upcast threw
 */
export function upcast(data: unknown, from: number | undefined, upcasts: Upcasts, version: number): unknown {
  if (from === undefined || upcasts[from] === undefined) return data;
  let current = data;
  for (let at = from; at < version; at++) {
    try {
      current = upcasts[at](current);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`the upcast from version ${at} failed: ${why}`, { cause });
    }
    if (current instanceof Promise) {
      current.catch(() => {});
      throw new Error(`the upcast from version ${at} returned a promise: it must be synchronous`);
    }
  }
  return current;
}

/** Returns why the upcasts of an event cannot lead to its version, or undefined. */
export function upcastsProblem(upcasts: unknown, version: number): string | undefined {
  const form = "it is written as `upcasts: { 1: (data) => … }`, by the version that each function takes";
  if (typeof upcasts !== "object" || upcasts === null || Array.isArray(upcasts)) return form;
  const entries = Object.entries(upcasts);
  const wrong = entries.find(([from, fn]) => !/^[1-9]\d*$/.test(from) || typeof fn !== "function");
  if (wrong) return `${JSON.stringify(wrong[0])} is no version with its function: ${form}`;
  const versions = entries.map(([from]) => Number(from)), lowest = Math.min(...versions);
  const late = versions.find((from) => from >= version);
  if (late !== undefined) return `version ${late} is not before version ${version}: leave it out, or raise \`version\``;
  for (let at = lowest; at < version; at++) {
    if (!versions.includes(at)) {
      return `version ${at} is missing: each function leads to the next version, so that ${lowest} leads to ${version}`;
    }
  }
  return undefined;
}
