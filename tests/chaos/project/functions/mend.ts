import { defineFunction, NonRetryableError } from "weir";
import { Broken } from "../schemas/chaos.ts";
import { record } from "./_ledger.ts";

export default defineFunction({ on: Broken }, async ({ data: { n } }, ctx) => {
  if (Deno.env.get("BROKEN")) throw new NonRetryableError("broken until it is mended");
  await record("mend", n, ctx.attempt);
});
