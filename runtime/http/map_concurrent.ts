/** How many events of one request are on their way at once: enough to be fast, and no flood. */
export const WINDOW = 256;

/**
 * Does something with every item, in their order, at most {@linkcode WINDOW} at a time, and settles each.
 *
 * @param ends whether an error ends it: what has not begun by then never does, and is rejected with `unbegun`
 */
export async function settleInWindow<Item, Value>(
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
  await Promise.all(Array.from({ length: Math.min(WINDOW, items.length) }, runSome));
  return results;
}
