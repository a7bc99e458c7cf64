/** As in a subject, no dot stands at either end or beside another: there the client's own check lets it pass. */
const KEY = /^[-/=\w]+(\.[-/=\w]+)*$/;

/**
 * Checks a key of a key-value bucket.
 *
 * @throws {Error} for what NATS does not take: keys are often made of what events carry, such as an address.
 */
export function checkKvKey(bucket: string, key: string): void {
  if (KEY.test(key)) return;
  throw new Error(
    `kv bucket "${bucket}": invalid key "${key}": only letters a-z and A-Z, digits, - _ / = and single dots between ` +
      'them; encode what may hold others, as in Buffer.from(key).toString("base64url")',
  );
}
