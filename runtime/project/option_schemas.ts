import { z } from "zod";
import { DURATION_HELP, parseDuration } from "../core/duration.ts";
import { didYouMean } from "../core/did_you_mean.ts";
import { valueText } from "../core/error_detail.ts";

/** Schema of a duration above zero. Its output is in milliseconds. */
export const durationSchema = z.unknown().transform((value, ctx) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms > 0) return ms;
  ctx.addIssue({ code: "custom", message: `${describeValue(value)} is not a duration above zero: ${DURATION_HELP}` });
  return z.NEVER;
});

export const countSchema = z.custom<number>(
  (value) => Number.isSafeInteger(value) && (value as number) >= 1,
  { error: ({ input }) => `${describeValue(input)} is not a whole number from 1` },
);

/** Schema of a function of an event. It refuses an async one, which returns a promise. */
export function syncFunction<Fn>(result: string, example: string) {
  return z.custom<Fn>((given) => typeof given === "function" && given.constructor.name !== "AsyncFunction", {
    error: ({ input }) =>
      typeof input === "function"
        ? `it is async, and must return ${result} at once: decide by the event alone`
        : `${describeValue(input)} is not a function, such as \`${example}\``,
  });
}

/**
 * Describes the faults of an options object, one line for each option.
 *
 * @param known Path of every option, such as `retry.attempts`, for suggestions.
 */
export function optionProblems(error: z.ZodError, known: readonly string[]): string[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join(".");
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownOption(key, path, known));
    return path === "" ? `its options are wrong: ${issue.message}` : `option ${path}: ${issue.message}`;
  });
}

/** Describes an unknown option, and suggests a near one or the right parent. */
export function unknownOption(key: string, path: string, known: readonly string[]): string {
  const options = known.map((option) => ({
    parent: option.replace(/\.?[^.]*$/, ""),
    name: option.replace(/^.*\./, ""),
  }));
  const free = path.replace(/[^.]+$/, "*"); // a name that the author chooses, such as a dependency's
  const here = options.filter(({ parent }) => parent === path || (parent !== "" && parent === free));
  const problem = `unknown option ${path === "" ? key : `${path}.${key}`}`,
    meant = didYouMean(key, here.map(({ name }) => name));
  const elsewhere = options.filter(({ parent, name }) => name === key && parent !== "" && !parent.includes("*"));
  if (meant !== "" || elsewhere.length === 0) return problem + meant;
  return `${problem}: it belongs in ${elsewhere.map(({ parent }) => `\`${parent}\``).join(" or ")}`;
}

/** Writes a value as an author would, cut after 60 characters. */
export function describeValue(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value === "number" || value === undefined) return String(value);
  const text = typeof value === "string" ? JSON.stringify(value) : valueText(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
