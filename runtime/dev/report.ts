import { styleText } from "node:util";
import type { Diagnostic } from "./type_check.ts";
import type { ProjectSummary } from "./messages.ts";

/** Type errors, each with its place, its line, and a mark under what is wrong. */
export async function showDiagnostics(root: URL, found: readonly Diagnostic[]): Promise<string[]> {
  return await Promise.all(found.map(async (one) => {
    const text = await Deno.readTextFile(new URL(one.file, root)).catch(() => undefined);
    return showDiagnostic(one, text);
  }));
}

function showDiagnostic({ file, line, column, message }: Diagnostic, text: string | undefined): string {
  const source = text?.split("\n")[line - 1];
  const place = `${styleText("cyan", `${file}:${line}:${column}`)} ${message}`;
  if (source === undefined) return place;
  const mark = source.slice(0, column - 1).replace(/\S/g, " ");
  return `${place}\n    ${source}\n    ${mark}${styleText("red", "^")}`;
}

/** What a change made of the functions: those that are new and those that are gone. */
export function difference(before: ProjectSummary | undefined, after: ProjectSummary): string {
  if (!before) return "";
  const had = before.functions.map(({ name }) => name), has = after.functions.map(({ name }) => name);
  const parts = [
    ...has.filter((name) => !had.includes(name)).map((name) => styleText("green", `+ ${name}`)),
    ...had.filter((name) => !has.includes(name)).map((name) => styleText("red", `- ${name}`)),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}
