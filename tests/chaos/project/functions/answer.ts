import { defineFunction, NonRetryableError } from "weir";
import { Answered, Asked } from "../schemas/chaos.ts";
import { record } from "./_ledger.ts";

export default defineFunction({ on: Asked, emits: [Answered] }, async ({ data: { n, kind } }, ctx) => {
  if (kind === "rejected") throw new NonRetryableError("rejected by rule");
  if (kind === "fails-once" && ctx.attempt === 1) throw new Error("the first attempt fails by rule");
  await record("answer", n, ctx.attempt);
  ctx.emit(Answered, { n });
});
