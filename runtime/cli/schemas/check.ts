import { type CheckedEvent, checkRelease } from "../../catalog/evolution/check_release.ts";
import { CommandFailure } from "../terminal/exit_codes.ts";
import { paint, printJson } from "../terminal/output.ts";
import { table } from "../terminal/table.ts";
import { declaredEvents, readReleased, RELEASED_FILE } from "./release.ts";

/** Compares the project's events with the snapshot. @throws {CommandFailure} if a change must not be released */
export async function check({ json }: { json?: boolean }): Promise<void> {
  const declared = await declaredEvents(), before = await readReleased();
  if (!before) {
    throw new CommandFailure(
      `${RELEASED_FILE} is missing: write it with \`deno task schemas release\`, from the schemas of the last release`,
    );
  }
  const checked = checkRelease(before, declared);
  const refused = checked.filter(({ refusal }) => refusal !== undefined);
  if (json) printJson({ events: checked, refused: refused.length });
  else if (checked.length === 0) console.log(`no event has changed since ${RELEASED_FILE} was written`);
  else console.log(checkedText(checked));
  if (refused.length === 0) return;
  throw new CommandFailure(
    refused.length === 1 ? refused[0].refusal! : `${refused.length} events must change before a release: see above`,
  );
}

/** Returns a table of the changes, with what to do below the last one of each event. */
export function checkedText(checked: readonly CheckedEvent[]): string {
  const rows = checked.flatMap(({ type, changes, refusal }) => [
    ...changes.map(({ path, what, breaks }) => [
      breaks.length === 0 ? "safe" : `breaks ${breaks.join(", ")}`,
      type,
      path === "" ? what : `data.${path}: ${what}`,
    ]),
    ...(refusal === undefined ? [] : [["to do", type, refusal]]),
  ]);
  return table(["result", "event", "change"], rows).replace(/^to do\b/gm, (text) => paint("yellow", text));
}
