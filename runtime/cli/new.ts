import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { EVENT_TYPES_FILE, writeEventTypes } from "../project/event_types.ts";
import { entriesOf } from "../project/list_files.ts";
import { loadSchemas, PROJECT } from "../project/load_project.ts";
import { buildRegistry } from "../project/registry.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import { devServer } from "../dev/dev_server.ts";
import type { PlannedFile, ProjectSource } from "./new/events.ts";
import type { Plan } from "./new/plan.ts";
import { DENO, printNextCommands, shellQuoted } from "./terminal/next_commands.ts";
import { paint, printJson } from "./terminal/output.ts";

interface Options {
  readonly on: string;
  readonly emits?: readonly string[];
  readonly json?: boolean;
}

const HELP = `
A type without an event gets a new event in schemas/. No file is overwritten: if one is in the way,
nothing is written.

Examples:
  deno task new sendReceipt --on payments.captured
  deno task new shipOrder --on orders.confirmed --emits orders.shipped,stock.shipped
  deno task new importLegacy --on 'legacy.>' --emits orders.created`;

export function newCommand(): Command {
  return new Command("new")
    .description("Write a function that runs, a test of it that passes, and the events that are missing.")
    .argument("<name>", "the function's name and its file's, such as shipOrder")
    .requiredOption("--on <type>", "the event that triggers it, or a quoted subject pattern such as 'legacy.>'")
    .option("--emits <types>", "events that it emits, separated by commas; may be repeated", types)
    .option("--json", "print the files that were written as JSON")
    .addHelpText("after", HELP)
    .action(newFunction);
}

function types(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(",").map((type) => type.trim()).filter((type) => type !== "")];
}

async function newFunction(name: string, { on, emits = [], json }: Options): Promise<void> {
  const source = await readProject();
  const { planFunction } = await import("./new/plan.ts"); // loaded here: no other command needs it
  const plan = attempt(() => planFunction(name.replace(/^functions\/|\.ts$/g, ""), on, emits, source));
  writeAll(plan.files);
  await format(plan.files);
  const hasTypes = await Deno.stat(new URL(EVENT_TYPES_FILE, PROJECT)).then(() => true, () => false);
  const typesFile: ReturnType<typeof describe> = { path: EVENT_TYPES_FILE, what: hasTypes ? "changed" : "created" };
  const written = [...plan.files.map(describe), ...(await writeEventTypes(PROJECT) ? [typesFile] : [])],
    next = nextCommands(plan);
  if (json) return printJson({ files: written, next });
  for (const { path, what, events } of written) {
    console.log(`${paint("green", what.padEnd("created".length))} ${path}${events ? `: ${events.join(", ")}` : ""}`);
  }
  printNextCommands(next);
}

/**
 * Loads the schemas. Functions are only read as text: importing them could have any effect, and `new` does not need
 * their code.
 */
async function readProject(): Promise<ProjectSource> {
  const schemas = await loadSchemas().catch((error) => refuse("the project does not load: ", error));
  attempt(() => buildRegistry(schemas, []), "the project does not load: ");
  const [schemaTexts, functions] = [await texts("schemas"), await texts("functions")];
  return { schemas, schemaTexts, functions, tests: await names("tests/functions") };
}

function attempt<Value>(run: () => Value, what = ""): Value {
  try {
    return run();
  } catch (error) {
    return refuse(what, error);
  }
}

function refuse(what: string, error: unknown): never {
  const only = error instanceof StartupProblems && error.problems.length === 1 ? error.problems[0] : undefined;
  throw new Error(`nothing was written: ${what}${only ?? (error as Error).message}`, { cause: error });
}

async function names(folder: string): Promise<string[]> {
  return (await entriesOf(new URL(`${folder}/`, PROJECT))).map(({ name }) => name);
}

/** Returns the text of each TypeScript file in a folder, by its name. */
async function texts(folder: string): Promise<Map<string, string>> {
  const files = (await names(folder)).filter((name) => name.endsWith(".ts"));
  return new Map(files.map((name) => [name, Deno.readTextFileSync(new URL(`${folder}/${name}`, PROJECT))]));
}

/** Writes all files or none: if a write fails, the files written before are removed or restored. */
function writeAll(files: readonly PlannedFile[]): void {
  const done: PlannedFile[] = [];
  try {
    for (const file of files) {
      const url = new URL(file.path, PROJECT);
      Deno.mkdirSync(new URL("./", url), { recursive: true });
      Deno.writeTextFileSync(url, file.text, { createNew: file.before === undefined });
      done.push(file);
    }
  } catch (error) {
    for (const { path, before } of done) {
      if (before === undefined) Deno.removeSync(new URL(path, PROJECT));
      else Deno.writeTextFileSync(new URL(path, PROJECT), before);
    }
    const failed = files[done.length].path;
    throw new Error(`nothing was written: ${failed}: ${(error as Error).message}`, { cause: error });
  }
}

/** Formats new files. Without the permission to run Deno they stay as they are. */
async function format(files: readonly PlannedFile[]): Promise<void> {
  const deno = Deno.execPath(), cwd = fileURLToPath(PROJECT);
  if (Deno.permissions.querySync({ name: "run", command: deno }).state !== "granted") return;
  const added = files.filter(({ before }) => before === undefined).map(({ path }) => path);
  await new Deno.Command(deno, { args: ["fmt", "--quiet", ...added], cwd }).output();
}

function describe(
  { path, before, declares }: PlannedFile,
): { readonly path: string; readonly what: string; readonly events?: readonly string[] } {
  return { path, what: before === undefined ? "created" : "changed", ...(declares && { events: declares }) };
}

/** Returns commands that run the new test and, beside a running `dev`, the new function. */
function nextCommands({ files, tryWith }: Plan): string[] {
  const commands = [`${DENO} test -A ${files.at(-1)!.path}`];
  if (!tryWith) return commands;
  const { event, data } = tryWith;
  commands.push(`${DENO} task publish ${event.type} --sample 1   # while dev runs`);
  if (!event.ingress || event.ingress.signature) return commands;
  const url = `${devServer()?.url ?? "http://127.0.0.1:8000"}${event.ingress.route ?? `/events/${event.type}`}`;
  return [...commands, `curl -i ${url} -H 'content-type: application/json' -d ${shellQuoted(JSON.stringify(data))}`];
}
