/** A condition on the data of an event: the value at a path, as text. */
export interface DataFilter {
  /** Names of fields, and positions in lists from 0. */
  readonly path: readonly string[];
  readonly value: string;
}

/** Form of a filter, for errors and help. */
export const DATA_FILTER_HELP = "PATH=VALUE, such as orderId=42, customer.id=c7 or items.0.sku=book";

/** Parses `PATH=VALUE`. Returns undefined for a text of another form. */
export function parseDataFilter(text: string): DataFilter | undefined {
  const at = text.indexOf("="), path = text.slice(0, Math.max(0, at)).split(".");
  return path.includes("") ? undefined : { path, value: text.slice(at + 1) };
}

/**
 * Returns whether all filters hold. A text in the data must equal the filter's value. A number, a boolean or null must
 * equal it as JSON writes them. An object or a list never does.
 */
export function matchesData(data: unknown, filters: readonly DataFilter[]): boolean {
  return filters.every(({ path, value }) => {
    let found: unknown = data;
    for (const name of path) {
      if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return false;
      found = (found as Record<string, unknown>)[name];
    }
    return typeof found === "object" ? found === null && value === "null" : String(found) === value;
  });
}
