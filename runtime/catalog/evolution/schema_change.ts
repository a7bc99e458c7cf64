import type { JsonSchema } from "../json_schema.ts";

/** One difference between two versions of a schema. */
export interface SchemaChange {
  /** Path in the data, such as `items[].sku`; empty for the data as a whole. */
  readonly path: string;
  /** Predicate of the path, such as "is required now". */
  readonly what: string;
  /** Whether the later schema refuses data that the earlier one takes. */
  readonly narrows: boolean;
  /** Whether the later schema takes data that the earlier one refuses. */
  readonly widens: boolean;
}

/** Compares parts of two schemas. */
export interface Comparison {
  compare(before: JsonSchema, after: JsonSchema, path: string): SchemaChange[];
}

/** Returns whether a schema takes every value. */
export function isAny(schema: JsonSchema): boolean {
  return Object.keys(schema).every((keyword) => keyword === "$comment");
}

/** Returns a path of a part. */
export function below(path: string, part: string): string {
  return path === "" || part.startsWith("[") ? path + part : `${path}.${part}`;
}

/** Returns a value as a message shows it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
