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
