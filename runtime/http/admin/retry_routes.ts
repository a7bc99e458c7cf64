import type { DelayedRetry, DelayedRetryFilter } from "../../core/delayed_retry.ts";
import { Problem } from "../problem.ts";
import { type Route, route } from "../router.ts";
import { checkFunction, type KnownFunctions, listLimit, numberOf, queryOf, selectionOf } from "./query.ts";

export interface Retries {
  list(filter: DelayedRetryFilter): AsyncIterable<DelayedRetry>;
  cancel(sequence: number): Promise<boolean>;
}

/**
 * Returns the routes that list and cancel delayed retries and delayed events. `?function= &type= &limit=` filter the
 * list.
 */
export function retryRoutes(retries: Retries, known: KnownFunctions): Route[] {
  return [
    route("GET", "/retries", async (request) => {
      const filter = selectionOf(queryOf(request, ["function", "type", "limit"])), limit = listLimit(filter);
      const waiting = await Array.fromAsync(retries.list({ ...filter, limit }));
      if (waiting.length === 0) await checkFunction(filter, known);
      return Response.json(waiting);
    }),
    route("DELETE", "/retries/:sequence", async (_, parameters) => {
      const sequence = numberOf("the sequence", parameters.sequence);
      if (await retries.cancel(sequence)) return new Response(null, { status: 204 });
      throw new Problem("not-found", `no delayed retry or event is at ${sequence}: it has come due, or was cancelled`);
    }),
  ];
}
