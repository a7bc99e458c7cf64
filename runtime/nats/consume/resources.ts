import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { retryDurable } from "../retry/resources.ts";
import type { Durable, Resources } from "../topology/resources.ts";

export function consumerResources(functions: readonly ResolvedFunction[]): Resources {
  return { durables: durablesOf(functions) };
}

/** Returns a durable consumer for each stream that a function's triggers are on, and one on RETRIES. */
export function durablesOf(functions: readonly ResolvedFunction[]): Durable[] {
  return functions.flatMap(({ name, triggers, policy: { from } }): Durable[] => {
    const streams = Map.groupBy(triggers, ({ stream }) => stream), all = from === "all";
    const own = [...streams].map(([stream, group]) => ({
      functionName: name,
      stream,
      filters: group.map(({ pattern }) => pattern),
      ...(!all && { from }),
    }));
    return [...own, all ? retryDurable(name) : { ...retryDurable(name), remembers: [...streams.keys()] }];
  });
}
