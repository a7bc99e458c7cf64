import { listModules } from "./list_files.ts";

/** Path of the file in a project. It belongs under version control: editors and the type check read it. */
export const EVENT_TYPES_FILE = "schemas/_types.d.ts";

/**
 * Lists the files of `schemas/` in a declaration, so that editors complete and type `on: "…"`. The text changes only
 * when a file is added, removed or renamed; the compiler reads their contents itself. Returns whether it changed.
 */
export async function writeEventTypes(root: URL): Promise<boolean> {
  const file = new URL(EVENT_TYPES_FILE, root), folder = new URL("./", file);
  const text = eventTypes(await listModules(folder));
  // A file that cannot be read is replaced.
  if (await Deno.readTextFile(file).catch(() => undefined) === text) return false;
  await Deno.mkdir(folder, { recursive: true });
  // The rename is atomic, so an editor never reads half a file.
  const temporary = new URL(`._types.${crypto.randomUUID()}`, folder);
  await Deno.writeTextFile(temporary, text);
  await Deno.rename(temporary, file);
  return true;
}

/** Returns the text of the declaration for files of `schemas/`. */
export function eventTypes(names: readonly string[]): string {
  const head =
    '// deno-fmt-ignore-file\n// Written by `deno task types`, and by `dev`: the files whose events complete in `on: "…"`.\n';
  if (names.length === 0) return `${head}export {};\n`;
  const lines = names.flatMap((name) => [
    "    // @ts-ignore: the file may be deleted",
    `    ${JSON.stringify(name)}: typeof import(${JSON.stringify(`./${name}`)});`,
  ]);
  return `${head}declare module "weir" {\n  interface SchemaFiles {\n${lines.join("\n")}\n  }\n}\nexport {};\n`;
}
