import { jsonText } from "./json_text.ts";

/**
 * Returns the JSON text that a key-value bucket stores for a value.
 *
 * @throws {TypeError} if JSON cannot hold the value: `undefined` would be stored as an empty entry and break every later
 * `get`.
 */
export function kvJson(bucket: string, key: string, value: unknown): string {
  return jsonText(value, `kv bucket "${bucket}", key "${key}"`, "the value");
}
