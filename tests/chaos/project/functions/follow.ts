import { defineFunction } from "weir";
import { Answered } from "../schemas/chaos.ts";
import { record } from "./_ledger.ts";

export default defineFunction({ on: Answered }, ({ data: { n } }, ctx) => record("follow", n, ctx.attempt));
