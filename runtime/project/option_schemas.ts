import { z } from "zod";
import { DURATION_HELP, parseDuration } from "../core/duration.ts";
import { didYouMean } from "../core/did_you_mean.ts";

/** A duration above zero, in milliseconds. */
export const durationSchema = z.unknown().transform((value, ctx) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms > 0) return ms;
  ctx.addIssue({ code: "custom", message: `${describeValue(value)} is not a duration above zero: ${DURATION_HELP}` });
  return z.NEVER;
});

/** A number of things, one at the least. */
export const countSchema = z.custom<number>(
  (value) => Number.isSafeInteger(value) && (value as number) >= 1,
  { error: ({ input }) => `${describeValue(input)} is not a whole number from 1` },
);

/**
 * What is wrong with an options object, one line an option.
 *
 * @param known every option by its whole path, such as `retry.attempts`, for what may have been meant instead
 */
export function optionProblems(error: z.ZodError, known: readonly string[]): string[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join(".");
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownOption(key, path, known));
    return path === "" ? `its options are wrong: ${issue.message}` : `option ${path}: ${issue.message}`;
  });
}

/** An option that is none. One that is only in the wrong place is told its right one. */
export function unknownOption(key: string, path: string, known: readonly string[]): string {
  const places = known.map((option) => ({ place: option.replace(/\.?[^.]*$/, ""), name: option.replace(/^.*\./, "") }));
  const free = path.replace(/[^.]+$/, "*"); // where authors give the names, as those of dependencies
  const here = places.filter(({ place }) => place === path || (place !== "" && place === free));
  const said = `unknown option ${path === "" ? key : `${path}.${key}`}`,
    meant = didYouMean(key, here.map(({ name }) => name));
  const elsewhere = places.filter(({ place, name }) => name === key && place !== "" && !place.includes("*"));
  if (meant !== "" || elsewhere.length === 0) return said + meant;
  return `${said}: it belongs into ${elsewhere.map(({ place }) => `\`${place}\``).join(" or ")}`;
}

/** A value as an author would write it, in a few letters. */
export function describeValue(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value === "number" || value === undefined) return String(value);
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 60 ? `${text.slice(0, 60)}…` : text;
  } catch {
    return Object.prototype.toString.call(value);
  }
}
