/**
 * Returns the JSON text that a key-value bucket stores for a value.
 *
 * @throws {TypeError} if the value is not JSON: `undefined` would be stored as an empty entry and break every later `get`.
 */
export function kvJson(bucket: string, key: string, value: unknown): string {
  const where = `kv bucket "${bucket}", key "${key}"`;
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`${where}: the value is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (json === undefined) throw new TypeError(`${where}: ${typeof value} is no JSON: write null, or delete the key`);
  return json;
}
