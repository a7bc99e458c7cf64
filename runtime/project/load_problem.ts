import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describeValue } from "./option_schemas.ts";
import { didYouMean, nearest } from "../core/did_you_mean.ts";
import { isOwnModule } from "../core/own_modules.ts";

/** Where modules are that a problem may be about. */
export interface ImportedFrom {
  readonly root: URL;
  /** The file that was imported, such as `functions/ship.ts`. */
  readonly file: string;
  /** The files of the project that might have been meant by one that is not there. */
  readonly files: readonly string[];
  /** The names in the import map of `deno.json`. */
  readonly packages: readonly string[];
  /** What a file of the project, or a package, exports; undefined when that cannot be told. */
  exportsOf(file: string): Promise<readonly string[] | undefined>;
}

/** A place in a file of the project: its path and what follows it, `:LINE:COLUMN` or nothing. */
interface Place {
  readonly path: string;
  readonly position: string;
}

/** Why a file could not be imported: where, what, and what to do, in one line. */
export async function loadProblem(error: unknown, from: ImportedFrom): Promise<string> {
  const place = placeOf(error, from.root) ?? { path: from.file, position: "" };
  return `${place.path}${place.position}: ${await explain(error, place, from)}`;
}

async function explain(error: unknown, place: Place, from: ImportedFrom): Promise<string> {
  if (!(error instanceof Error)) return `it throws when it is loaded: ${describeValue(error)}, which is no Error`;
  const [message] = stripVTControlCharacters(error.message).split("\n");
  const unresolved = (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND"; // whatever kept it from linking
  if (unresolved && message.startsWith("SyntaxError: ")) {
    return `syntax error: ${message.slice("SyntaxError: ".length)}`;
  }
  const file = /^Module not found "(file:[^"]*)"/.exec(message);
  if (unresolved && file) return missingFile(file[1], place, from);
  const bare = /^Import "([^"]*)" not a dependency/.exec(message);
  if (unresolved && bare) return missingPackage(bare[1], from);
  if (unresolved && message.includes("to load JSON module")) {
    return 'JSON is imported as such: add `with { type: "json" }` to the import';
  }
  const refused = error instanceof Deno.errors.NotCapable || (unresolved && /^Requires \w+ access/.test(message));
  if (refused) {
    const flag = /the (--allow-\w+) flag/.exec(message)?.[1] ?? "it";
    return `${
      message.split(", run again")[0].replace("Requires", "it lacks")
    }: grant ${flag} in the task \`start\` of deno.json`;
  }
  if (unresolved) return `an import fails: ${message}`;
  const name = /requested module '([^']*)' does not provide an export named '([^']*)'/.exec(message);
  if (name) return await missingExport(name[1], name[2], place, from);
  const uninitialized = /^Cannot access '(.*)' before initialization/.exec(message);
  if (uninitialized) {
    return `${uninitialized[1]} is used before it is there: a circular import? Two files that import each other ` +
      "leave one without; move what both need into a third";
  }
  const unknown = /^(\w+) is not defined/.exec(message);
  if (unknown) return await missingImport(unknown[1], place, from);
  return `it throws when it is loaded: ${error.name}: ${message}`;
}

/** Where it happened: what the message says, else the innermost place in the project that is not Weir itself. */
function placeOf(error: unknown, root: URL): Place | undefined {
  if (!(error instanceof Error)) return undefined;
  const said = /\bat (file:\S+?)(:\d+:\d+)\s*$/.exec(stripVTControlCharacters(error.message));
  const frames = [
    ...stripVTControlCharacters(error.stack ?? "").matchAll(/^\s+at .*?(file:[^\s()]+?)(:\d+:\d+)\)?$/gm),
  ];
  for (const [, url, position] of said ? [said, ...frames] : frames) {
    const path = pathIn(url, root);
    if (path !== undefined && !isOwnModule(url)) return { path, position };
  }
}

/** A file's path in the project; undefined when it is elsewhere. */
function pathIn(url: string, root: URL): string | undefined {
  const [path, base] = [fileURLToPath(url), fileURLToPath(root)];
  return path.startsWith(base) ? path.slice(base.length) : undefined;
}

/** How a file imports another of the project. */
function specifier(to: string, from: string): string {
  const up = "../".repeat(from.split("/").length - 1), folder = from.replace(/[^/]*$/, "");
  return to.startsWith(folder) ? `./${to.slice(folder.length)}` : up + to;
}

function missingFile(url: string, place: Place, { root, files }: ImportedFrom): string {
  const wanted = pathIn(url, root);
  if (wanted === undefined) return `there is no file ${fileURLToPath(url)}`;
  const byName = new Map(files.map((file) => [nameOf(file), file]));
  const meant = byName.get(nameOf(wanted)) ?? byName.get(nearest(nameOf(wanted), byName.keys()) ?? "");
  return `there is no file ${wanted}${meant ? `: did you mean "${specifier(meant, place.path)}"?` : ""}`;
}

/** Without folders and `.ts`. */
function nameOf(path: string): string {
  return path.replace(/^.*\//, "").replace(/\.\w+$/, "");
}

function missingPackage(name: string, { packages }: ImportedFrom): string {
  const meant = nearest(name, packages);
  if (meant !== undefined) return `the package "${name}" is not in deno.json: did you mean "${meant}"?`;
  const owner = name.startsWith("@") ? 2 : 1, installed = name.split("/").slice(0, owner).join("/");
  return `the package "${name}" is not in deno.json: add it with \`deno add npm:${installed}\`, ` +
    `or import a file of yours as "./${name}.ts"`;
}

async function missingExport(module: string, name: string, place: Place, from: ImportedFrom): Promise<string> {
  const target = module.startsWith(".")
    ? pathIn(new URL(module, new URL(place.path, from.root)).href, from.root)
    : module;
  const names = await from.exportsOf(target ?? module) ?? [];
  const meant = didYouMean(name, names);
  const there = names.length === 0 || names.length > 8 ? "" : `; it exports ${names.join(", ")}`;
  return `${target ?? module} has no export ${name}${meant || there}`;
}

/** What is used and not imported: where it could come from. */
async function missingImport(name: string, place: Place, from: ImportedFrom): Promise<string> {
  for (const module of ["weir", "zod", ...from.files.filter((file) => file.startsWith("schemas/"))]) {
    if (module === place.path || !(await from.exportsOf(module))?.includes(name)) continue;
    const path = module.includes("/") ? specifier(module, place.path) : module;
    return `${name} is not defined: add \`import { ${name} } from "${path}"\``;
  }
  return `it throws when it is loaded: ReferenceError: ${name} is not defined`;
}
