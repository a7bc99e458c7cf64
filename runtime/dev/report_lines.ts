import { styleText } from "node:util";
import type { ProjectSummary } from "./messages.ts";

/** Prints a line of `dev` itself. */
export function printLine(line: string): void {
  console.log(`${styleText("cyan", "dev")} ${line}`);
}

/** Formats a problem of a version that does not go live. */
export function problemLine(problem: string): string {
  const isUnset = /^\S+ is not set[,:]/.test(problem);
  const hint = isUnset
    ? "; dev reads variables once, so start it again, with those of .env: deno task --env-file dev"
    : "";
  return `${styleText("red", "error")} ${problem}${hint}`;
}

/**
 * Returns the lines about a project that went live: its warnings, and its functions that were not live before.
 *
 * @param before The project that was live before. Default: none, and no function is named.
 */
export function liveLines({ warnings, functions }: ProjectSummary, before?: ProjectSummary): string[] {
  const known = new Set(before?.functions.map(({ name }) => name));
  const added = before ? functions.filter(({ name }) => !known.has(name)) : [];
  return [
    ...warnings.map((warning) => `${styleText("yellow", "warning")} ${warning}`),
    ...added.map(({ name, on, emits }) =>
      `new function ${name}: ${on.join(", ")}${emits.length === 0 ? "" : ` → ${emits.join(", ")}`}`
    ),
  ];
}
