import { z } from "zod";
import { DURATION_HELP, parseDuration } from "../rules/duration.ts";

/** A duration above zero, in milliseconds. */
export const durationSchema = z.unknown().transform((value, ctx) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms > 0) return ms;
  ctx.addIssue({ code: "custom", message: `${JSON.stringify(value)} is not a duration above zero: ${DURATION_HELP}` });
  return z.NEVER;
});

/** What is wrong with an options object, one line an option. */
export function optionProblems(error: z.ZodError): string[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String).join(".");
    if (issue.code !== "unrecognized_keys") return `option ${path}: ${issue.message}`;
    return `unknown option ${issue.keys.map((key) => path === "" ? key : `${path}.${key}`).join(", ")}`;
  });
}
