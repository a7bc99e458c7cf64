import { copyProjectWith } from "../../support/project.ts";

const LEDGER = await Deno.readTextFile(new URL("../project/functions/_ledger.ts", import.meta.url));

/**
 * The schemas and functions of a release. Release 2 knows a field more of an event, in a new version of its schema, and
 * has a function more.
 */
function filesOf(release: 1 | 2): Record<string, string> {
  const field = release === 2 ? ", isGift: z.boolean().default(false)" : "";
  const files: Record<string, string> = {
    "functions/_ledger.ts": LEDGER,
    "schemas/parcels.ts": `
import { defineEvent } from "weir";
import { z } from "zod";
export const Packed = defineEvent({
  type: "parcels.packed",
  version: ${release},
  data: z.object({ n: z.int()${field} }),
  ingress: { route: "/parcels" },
});
export const Sent = defineEvent({ type: "parcels.sent", version: 1, data: z.object({ n: z.int() }) });
`,
    "functions/send.ts": functionOf("send", "Packed", "Sent"),
    "functions/bill.ts": functionOf("bill", "Sent"),
  };
  return release === 1 ? files : { ...files, "functions/survey.ts": functionOf("survey", "Sent") };
}

/** Returns a function that takes some milliseconds, so that a shutdown meets handlers that run. */
function functionOf(name: string, on: string, emits?: string): string {
  return `
import { defineFunction } from "weir";
import { Packed, Sent } from "../schemas/parcels.ts";
import { record } from "./_ledger.ts";
export default defineFunction({ on: ${on}${emits ? `, emits: [${emits}]` : ""} }, async ({ data: { n } }, ctx) => {
  await new Promise((resolve) => setTimeout(resolve, n % 20));
  await record("${name}", n, ctx.attempt);
  ${emits ? `ctx.emit(${emits}, { n });` : ""}
});
`;
}

/** The folders of both releases of one project. */
export interface Releases extends AsyncDisposable {
  readonly 1: string;
  readonly 2: string;
}

export async function copyReleases(): Promise<Releases> {
  const [one, two] = await Promise.all([copyProjectWith(filesOf(1)), copyProjectWith(filesOf(2))]);
  return {
    1: one.path,
    2: two.path,
    [Symbol.asyncDispose]: async () => {
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    },
  };
}
