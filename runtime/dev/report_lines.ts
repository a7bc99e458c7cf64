import { styleText } from "node:util";
import type { ProjectSummary } from "./messages.ts";

/** Prints a line of `dev` itself. */
export function printLine(line: string): void {
  console.log(`${styleText("cyan", "dev")} ${line}`);
}

/** Hints for problems that may come from `dev` itself, by their text. */
const HINTS: readonly (readonly [problem: RegExp, hint: string])[] = [
  [/^\S+ is not set[,:]/, "dev reads variables once, so start it again, with those of .env: deno task --env-file dev"],
  [/: a process pulls from its consumers, .* keys would lose their order/, "if only this dev runs, start it again"],
];

/** Formats a problem of a version that does not go live. */
export function problemLine(problem: string): string {
  const [, hint] = HINTS.find(([pattern]) => pattern.test(problem)) ?? [];
  return `${styleText("red", "error")} ${problem}${hint ? `; ${hint}` : ""}`;
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
