import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";

export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), key: z.string() }) });

export type Data = z.infer<typeof Asked.data>;
type Order = NonNullable<Parameters<typeof defineFunction>[0]["order"]>;

/** Returns a handler that takes a few milliseconds, and fails twice for one event in 29. */
export function failingTwice(): (data: Data) => Promise<void> {
  const failures = new Map<number, number>();
  return async ({ n }) => {
    await new Promise((resolve) => setTimeout(resolve, n % 4));
    const failed = failures.get(n) ?? 0;
    if (n % 29 !== 7 || failed === 2) return;
    failures.set(n, failed + 1);
    throw new Error("as planned");
  };
}

/** Replicas of one function with `order`. It notes the starts of its handler, and runs of a key at the same time. */
export async function startReplicas(
  handler: (data: Data) => Promise<void> | void,
  options: {
    onFailure?: Order["onFailure"];
    partitions?: number;
    retry?: object;
    timeout?: Parameters<typeof defineFunction>[0]["timeout"];
    env?: Record<string, string>;
  } = {},
) {
  const stack = new AsyncDisposableStack(), server = stack.use(await startServer());
  const starts: Data[] = [], running = new Set<string>(), atOnce: string[] = [];
  const { onFailure, partitions, retry = { initial: "20ms" }, timeout, env } = options;
  const define = (changes: Partial<Order> = {}) =>
    defineFunction({
      on: Asked,
      order: {
        by: ({ data }) => data.key,
        ...(onFailure && { onFailure }),
        ...(partitions && { partitions }),
        ...changes,
      },
      retry,
      ...(timeout && { timeout }),
      breaker: { consecutiveFailures: 1_000 },
    }, async ({ data }) => {
      starts.push(data);
      if (running.has(data.key)) atOnce.push(`${data.key} ${data.n}`);
      running.add(data.key);
      try {
        await handler(data);
      } finally {
        running.delete(data.key);
      }
    });
  /** Starts a replica. @param changes Options of `order` in its release. Default: those of the others. */
  const start = async (changes?: Partial<Order>) =>
    stack.use(await startTestRuntime({ functions: { ordered: define(changes) }, server, env }));
  return { server, starts, atOnce, start, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Returns the numbers of a key in the order of their last starts before the next number: without repeats. */
export function inOrder(starts: readonly Data[], key: string): number[] {
  const numbers = starts.filter((one) => one.key === key).map(({ n }) => n);
  return numbers.filter((n, i) => n !== numbers[i - 1]);
}

/** Returns the status of the function in one replica. */
export const status = async ({ adminUrl }: { adminUrl: string }) =>
  (await (await fetch(`${adminUrl}/functions`)).json())[0];
