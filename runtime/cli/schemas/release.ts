import { catalogOf } from "../../catalog/catalog.ts";
import { checkRelease } from "../../catalog/evolution/check_release.ts";
import { parseReleased, type Released, releasedOf, releasedText } from "../../catalog/evolution/released.ts";
import { loadEvents, PROJECT } from "../../project/load_project.ts";
import { CommandFailure } from "../terminal/exit_codes.ts";
import { printJson } from "../terminal/output.ts";

/** Path of the snapshot of the last release in a project. It belongs under version control. */
export const RELEASED_FILE = "schemas/released.json";

/** Returns the events of the project. */
export async function declaredEvents(): Promise<Released> {
  return releasedOf(catalogOf(await loadEvents()));
}

/** Reads the snapshot; undefined if there is none yet. @throws {CommandFailure} if it cannot be read */
export async function readReleased(): Promise<Released | undefined> {
  try {
    return parseReleased(await Deno.readTextFile(new URL(RELEASED_FILE, PROJECT)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const advice = "restore it from version control, or delete it and run `deno task schemas release`";
    throw new CommandFailure(`${RELEASED_FILE} cannot be read: ${(error as Error).message}: ${advice}`);
  }
}

/** Writes the snapshot of the project's events. */
export async function release({ force, json }: { force?: boolean; json?: boolean }): Promise<void> {
  const declared = await declaredEvents(), before = await readReleased();
  const checked = checkRelease(before ?? {}, declared),
    refused = checked.filter(({ refusal }) => refusal !== undefined);
  if (refused.length > 0 && !force) {
    const which = refused.map(({ type }) => type).join(", ");
    throw new CommandFailure(
      `nothing was written: \`deno task schemas check\` refuses changes of ${which}; --force writes it all the same`,
    );
  }
  const isNew = before === undefined || checked.length > 0;
  if (isNew) await Deno.writeTextFile(new URL(RELEASED_FILE, PROJECT), releasedText(declared));
  if (json) printJson({ file: RELEASED_FILE, events: Object.keys(declared).length, written: isNew });
  else console.log(isNew ? `${RELEASED_FILE} is written: commit it` : `${RELEASED_FILE} is up to date`);
}
