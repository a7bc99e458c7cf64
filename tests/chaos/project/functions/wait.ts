import { defineFunction, RetryAfterError } from "weir";
import { Posted } from "../schemas/chaos.ts";
import { record } from "./_ledger.ts";

export default defineFunction({ on: Posted }, async ({ data: { n, sentAtMs, delay } }, ctx) => {
  if (delay && ctx.attempt === 1) throw new RetryAfterError("60s");
  await record("wait", n, ctx.attempt, sentAtMs);
});
