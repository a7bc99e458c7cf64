import { type Context, Hono } from "hono";
import type { DelayedRetry, DelayedRetryFilter } from "../../core/delayed_retry.ts";
import { Problem } from "../problem.ts";
import { LIMIT, numberOf, queryOf } from "./query.ts";

/** What the routes stand on. */
export interface Retries {
  list(filter: DelayedRetryFilter): AsyncIterable<DelayedRetry>;
  cancel(sequence: number): Promise<boolean>;
}

/** Events that wait for their next attempt, on the admin listener. `?function= &type= &limit=` select. */
export function retryRoutes(retries: Retries): Hono {
  return new Hono()
    .get("/retries", async (c) => {
      const { function: fn, type, limit } = queryOf(c, ["function", "type", "limit"]);
      return c.json(
        await Array.fromAsync(retries.list({
          ...(fn !== undefined && { function: fn }),
          ...(type !== undefined && { type }),
          limit: limit === undefined ? LIMIT : numberOf("limit", limit),
        })),
      );
    })
    .delete("/retries/:sequence", async (c: Context) => {
      const sequence = numberOf("the sequence", c.req.param("sequence")!);
      if (await retries.cancel(sequence)) return c.body(null, 204);
      throw new Problem(404, "Not Found", `no delayed retry is at ${sequence}: it has come due, or was cancelled`);
    });
}
