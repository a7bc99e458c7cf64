import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describeValue } from "./option_schemas.ts";
import { nearest } from "../core/did_you_mean.ts";
import { isOwnModule } from "../core/own_modules.ts";

export interface ImportContext {
  readonly root: URL;
  /** File that was imported, such as `functions/ship.ts`. */
  readonly file: string;
  /** Files of the project, to suggest one for a missing file. */
  readonly files: readonly string[];
  /** Names in the import map of `deno.json`. */
  readonly packages: readonly string[];
}

interface SourceLocation {
  readonly path: string;
  /** `:LINE:COLUMN`, or empty. */
  readonly position: string;
}

/** Describes why a file could not be imported, in one line: location, cause and fix. */
export function loadProblem(error: unknown, context: ImportContext): string {
  const location = locationOf(error, context.root) ?? { path: context.file, position: "" };
  return `${location.path}${location.position}: ${explain(error, location, context)}`;
}

function explain(error: unknown, location: SourceLocation, context: ImportContext): string {
  if (!(error instanceof Error)) return `it throws when it is loaded: ${describeValue(error)}, which is not an Error`;
  const [message] = stripVTControlCharacters(error.message).split("\n");
  // Every failure to resolve or to link has this code.
  const unresolved = (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
  if (unresolved && message.startsWith("SyntaxError: ")) {
    return `syntax error: ${message.slice("SyntaxError: ".length)}`;
  }
  const file = /^Module not found "(file:[^"]*)"/.exec(message);
  if (unresolved && file) return missingFile(file[1], location, context);
  const bare = /^Import "([^"]*)" not a dependency/.exec(message);
  if (unresolved && bare) return missingPackage(bare[1], context);
  if (unresolved && message.includes("to load JSON module")) {
    return 'a JSON module needs its type: add `with { type: "json" }` to the import';
  }
  const denied = error instanceof Deno.errors.NotCapable || (unresolved && /^Requires \w+ access/.test(message));
  if (denied) {
    const flag = /the (--allow-\w+) flag/.exec(message)?.[1] ?? "it";
    return `${
      message.split(", run again")[0].replace("Requires", "it lacks")
    }: grant ${flag} in the task \`start\` of deno.json, which \`dev\` uses too`;
  }
  if (unresolved) return `an import fails: ${message}`;
  const name = /requested module '([^']*)' does not provide an export named '([^']*)'/.exec(message);
  if (name) return missingExport(name[1], name[2], location, context.root);
  const uninitialized = /^Cannot access '(.*)' before initialization/.exec(message);
  if (uninitialized) {
    return `${uninitialized[1]} is used before it is initialized: a circular import? Of two files that import each ` +
      "other, one is evaluated too early; move what both need into a third";
  }
  return `it throws when it is loaded: ${error.name}: ${message}`;
}

/** Returns the location in the error's message, or the innermost stack frame in the project outside of Weir. */
function locationOf(error: unknown, root: URL): SourceLocation | undefined {
  if (!(error instanceof Error)) return undefined;
  const inMessage = /\bat (file:\S+?)(:\d+:\d+)\s*$/.exec(stripVTControlCharacters(error.message));
  const frames = [
    ...stripVTControlCharacters(error.stack ?? "").matchAll(/^\s+at .*?(file:[^\s()]+?)(:\d+:\d+)\)?$/gm),
  ];
  for (const [, url, position] of inMessage ? [inMessage, ...frames] : frames) {
    const path = pathIn(url, root);
    if (path !== undefined && !isOwnModule(url)) return { path, position };
  }
}

function pathIn(url: string, root: URL): string | undefined {
  const [path, base] = [fileURLToPath(url), fileURLToPath(root)];
  return path.startsWith(base) ? path.slice(base.length) : undefined;
}

/** Returns the specifier by which a file imports another file of the project. */
function specifier(to: string, from: string): string {
  const up = "../".repeat(from.split("/").length - 1), folder = from.replace(/[^/]*$/, "");
  return to.startsWith(folder) ? `./${to.slice(folder.length)}` : up + to;
}

function missingFile(url: string, location: SourceLocation, { root, files }: ImportContext): string {
  const wanted = pathIn(url, root);
  if (wanted === undefined) return `there is no file ${fileURLToPath(url)}`;
  const byName = new Map(files.map((file) => [nameOf(file), file]));
  const meant = byName.get(nameOf(wanted)) ?? byName.get(nearest(nameOf(wanted), byName.keys()) ?? "");
  return `there is no file ${wanted}${meant ? `: did you mean "${specifier(meant, location.path)}"?` : ""}`;
}

function nameOf(path: string): string {
  return path.replace(/^.*\//, "").replace(/\.\w+$/, "");
}

function missingPackage(name: string, { packages }: ImportContext): string {
  const meant = nearest(name, packages);
  if (meant !== undefined) return `the package "${name}" is not in deno.json: did you mean "${meant}"?`;
  const parts = name.startsWith("@") ? 2 : 1, installed = name.split("/").slice(0, parts).join("/");
  return `the package "${name}" is not in deno.json: add it with \`deno add npm:${installed}\`, ` +
    `or import a file of yours as "./${name}.ts"`;
}

function missingExport(module: string, name: string, { path }: SourceLocation, root: URL): string {
  const target = module.startsWith(".") ? pathIn(new URL(module, new URL(path, root)).href, root) : module;
  return `${target ?? module} has no export ${name}`;
}
