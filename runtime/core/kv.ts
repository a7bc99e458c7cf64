import { valueText } from "./error_detail.ts";
import { jsonText } from "./json_text.ts";

/** Names of buckets that NATS accepts. */
const BUCKET = /^[-\w]+$/;
/** Keys that NATS accepts. The client's own check misses dots at either end or beside another. */
const KEY = /^[-/=\w]+(\.[-/=\w]+)*$/;

/**
 * Checks the name of a key-value bucket and a key of it.
 *
 * @throws {Error} if NATS does not accept one of the two. A key made from an event's data may have forbidden
 * characters.
 */
export function checkKvKey(bucket: string, key: string): void {
  for (const [what, name] of [["bucket", bucket], ["key", key]]) {
    if (typeof name !== "string") throw new TypeError(`kv ${what} ${valueText(name)} is no text`);
  }
  if (!BUCKET.test(bucket)) {
    throw new Error(
      `kv bucket "${bucket}", key "${key}": a bucket's name has only letters a-z and A-Z, digits, - and _`,
    );
  }
  if (KEY.test(key)) return;
  throw new Error(
    `kv bucket "${bucket}": invalid key "${key}": only letters a-z and A-Z, digits, - _ / = and single dots between ` +
      'them; encode what may hold others, as in Buffer.from(key).toString("base64url")',
  );
}

/**
 * Returns the JSON text that a key-value bucket stores for a value.
 *
 * @throws {Error} as {@linkcode checkKvKey} does.
 * @throws {TypeError} if JSON cannot hold the value: `undefined` would be stored as an empty entry and break every
 * later `get`.
 */
export function kvJson(bucket: string, key: string, value: unknown): string {
  checkKvKey(bucket, key);
  return jsonText(value, `kv bucket "${bucket}", key "${key}"`, "the value");
}
