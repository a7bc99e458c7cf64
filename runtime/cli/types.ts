import { Command } from "commander";
import { listModules, PROJECT } from "../project/load_project.ts";
import { examples } from "./terminal/help.ts";

/** Where it is. It belongs under version control, since editors and the type check read it: see `types` in deno.json. */
export const EVENT_TYPES_FILE = "schemas/_types.d.ts";

/**
 * Writes down which files the project's events are in, for `on: "…"` to complete and to be typed. It changes only when
 * a file of `schemas/` comes, goes or is renamed; what is in them the compiler reads by itself.
 *
 * @returns whether there was anything to write
 */
export async function writeEventTypes(root: URL = PROJECT): Promise<boolean> {
  const file = new URL(EVENT_TYPES_FILE, root), folder = new URL("./", file);
  const names = await listModules(folder), text = eventTypes(names), last = await read(file);
  if (last === text) return false;
  await Deno.mkdir(folder, { recursive: true });
  // At once or not at all, since an editor reads it whenever it likes.
  const temporary = new URL(`._types.${crypto.randomUUID()}`, folder);
  await Deno.writeTextFile(temporary, text);
  await Deno.rename(temporary, file);
  return true;
}

/** `types`: for who edits without `dev`, which does it by itself. */
export function typesCommand(): Command {
  return new Command("types")
    .description("Write schemas/_types.d.ts, by which an editor completes event types; dev does it by itself.")
    .addHelpText("after", examples("types"))
    .action(async () => {
      console.log(`${EVENT_TYPES_FILE} ${await writeEventTypes() ? "written" : "is as it should be"}`);
    });
}

/** The text for these files of `schemas/`. */
export function eventTypes(names: readonly string[]): string {
  const head =
    '// deno-fmt-ignore-file\n// Written by `deno task types`, and by `dev`: the files whose events complete in `on: "…"`.\n';
  if (names.length === 0) return `${head}export {};\n`;
  const lines = names.flatMap((name) => [
    "    // @ts-ignore: it may be gone by now",
    `    ${JSON.stringify(name)}: typeof import(${JSON.stringify(`./${name}`)});`,
  ]);
  return `${head}declare module "weir" {\n  interface SchemaFiles {\n${lines.join("\n")}\n  }\n}\nexport {};\n`;
}

async function read(file: URL): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
