/**
 * Maps items as `Promise.all` does, up to `limit` of them at a time: a loaded machine does not start fifty processes.
 */
export async function mapAtMost<Item, Result>(
  limit: number,
  items: readonly Item[],
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [], rest = items.entries();
  const worker = async () => {
    for (const [i, item] of rest) results[i] = await map(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}

/**
 * Declares a test whose parts run at once, up to `limit` of them at a time, because each mostly waits for servers and
 * processes of its own. A leak of any part fails the test.
 *
 * @returns A function that adds a part, as `Deno.test` declares a test
 */
export function testsAtOnce(name: string, limit: number): (part: string, run: () => Promise<void>) => void {
  const parts: [name: string, run: () => Promise<void>][] = [];
  Deno.test(name, async (t) => {
    // Deno runs steps at once only without sanitizers of their own.
    const unwatched = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
    await mapAtMost(limit, parts, ([name, fn]) => t.step({ name, fn, ...unwatched }));
  });
  return (...part) => void parts.push(part);
}
