/** How many events of one request are on their way at once: enough to be fast, and no flood. */
export const MAX_CONCURRENT = 256;

/**
 * Does something with every item, in their order, at most {@linkcode MAX_CONCURRENT} at a time, and settles each.
 *
 * @param ends whether an error ends it: what has not begun by then never does, and is rejected with `unbegun`
 */
export async function mapConcurrent<Item, Value>(
  items: readonly Item[],
  run: (item: Item) => Promise<Value>,
  ends: (error: unknown) => boolean,
  unbegun: unknown,
): Promise<PromiseSettledResult<Value>[]> {
  const results: PromiseSettledResult<Value>[] = items.map(() => ({ status: "rejected", reason: unbegun }));
  let next = 0;
  const runSome = async () => {
    while (next < items.length) {
      const index = next++;
      try {
        results[index] = { status: "fulfilled", value: await run(items[index]) };
      } catch (reason) {
        results[index] = { status: "rejected", reason };
        if (ends(reason)) next = items.length;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_CONCURRENT, items.length) }, runSome));
  return results;
}
