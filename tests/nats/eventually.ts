const POLL_MS = 10;

/**
 * Asks again and again until `condition` holds, and returns what it then yielded.
 *
 * For what only a server knows and does not announce. A condition that throws counts as one that does not hold yet.
 */
export async function eventually<Value>(
  condition: () => Value | Promise<Value>,
  { within = 20_000 }: { within?: number } = {},
): Promise<NonNullable<Value>> {
  const deadline = Date.now() + within;
  let last: unknown;
  while (true) {
    try {
      last = await condition();
      if (last) return last as NonNullable<Value>;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`not so within ${within} ms; last: ${last instanceof Error ? last.message : last}`, {
        cause: last,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
