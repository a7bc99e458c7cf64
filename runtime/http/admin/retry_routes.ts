import type { DelayedRetry, DelayedRetryFilter } from "../../core/delayed_retry.ts";
import { Problem } from "../problem.ts";
import { type Route, route } from "../router.ts";
import { DEFAULT_LIMIT, eventFilterOf, numberOf, queryOf } from "./query.ts";

export interface Retries {
  list(filter: DelayedRetryFilter): AsyncIterable<DelayedRetry>;
  cancel(sequence: number): Promise<boolean>;
}

/** Returns the routes that list and cancel delayed retries. `?function= &type= &limit=` filter the list. */
export function retryRoutes(retries: Retries): Route[] {
  return [
    route("GET", "/retries", async (request) => {
      const { limit, ...query } = queryOf(request, ["function", "type", "limit"]);
      const filter = {
        ...eventFilterOf(query),
        limit: limit === undefined ? DEFAULT_LIMIT : numberOf("limit", limit),
      };
      return Response.json(await Array.fromAsync(retries.list(filter)));
    }),
    route("DELETE", "/retries/:sequence", async (_, parameters) => {
      const sequence = numberOf("the sequence", parameters.sequence);
      if (await retries.cancel(sequence)) return new Response(null, { status: 204 });
      throw new Problem("not-found", `no delayed retry is at ${sequence}: it has come due, or was cancelled`);
    }),
  ];
}
