import { Command } from "commander";
import { StartupProblems } from "../project/startup_problems.ts";
import { buildRegistry } from "../project/registry.ts";
import { loadSchemas, PROJECT } from "../project/load_project.ts";
import { devServer } from "../dev/dev_server.ts";
import { writeEventTypes } from "./event_types.ts";
import type { PlannedFile, Surroundings } from "./new_events.ts";
import type { Plan } from "./new_plan.ts";
import { paint, printJson } from "./output.ts";
import { THIS_DENO } from "./deno_command.ts";

interface Options {
  readonly on: string;
  readonly emits?: readonly string[];
  readonly json?: boolean;
}

const HELP = `
A type that no event has becomes an event in schemas/. Nothing is overwritten: with anything in the
way, nothing is written at all.

Examples:
  deno task new sendReceipt --on payments.captured
  deno task new shipOrder --on orders.confirmed --emits orders.shipped,stock.shipped
  deno task new importLegacy --on 'legacy.>' --emits orders.created`;

/** `new`: a function that runs, its test that passes, and the events that it needs. */
export function newCommand(): Command {
  return new Command("new")
    .description("Write a function that runs, a test of it that passes, and the events that are not there yet.")
    .argument("<name>", "the function's name, which is its file's, such as shipOrder")
    .requiredOption("--on <type>", "the event that wakes it, or a quoted pattern of subjects such as 'legacy.>'")
    .option("--emits <types>", "events that it emits, with commas between; may be repeated", types)
    .option("--json", "print what was written as JSON")
    .addHelpText("after", HELP)
    .action(async (name: string, { on, emits = [], json }: Options) => {
      const around = await lookAround();
      const { planFunction } = await import("./new_plan.ts"); // only here: no other command needs it
      const plan = attempt(() => planFunction(name.replace(/^functions\/|\.ts$/g, ""), on, emits, around));
      writeAll(plan.files);
      await writeEventTypes();
      const next = nextCommands(plan);
      if (json) return printJson({ files: plan.files.map(written), next });
      for (const { path, what, events } of plan.files.map(written)) {
        console.log(
          `${paint("green", what.padEnd("created".length))} ${path}${events ? `: ${events.join(", ")}` : ""}`,
        );
      }
      console.log(`\n${paint("bold", "next")}\n${next.map((command) => `  ${command}`).join("\n")}`);
    });
}

function types(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(",").map((type) => type.trim()).filter((type) => type !== "")];
}

/** Functions are not imported: nothing of them is needed, and they may do anything. */
async function lookAround(): Promise<Surroundings> {
  const schemas = await loadSchemas().catch((error) => refuse("the project does not load: ", error));
  attempt(() => buildRegistry(schemas, []), "the project does not load: ");
  const texts = names("schemas").filter((name) => name.endsWith(".ts"))
    .map((name) => [name, Deno.readTextFileSync(new URL(`schemas/${name}`, PROJECT))] as const);
  return { schemas, schemaTexts: new Map(texts), functions: names("functions"), tests: names("tests/functions") };
}

function attempt<Value>(run: () => Value, what = ""): Value {
  try {
    return run();
  } catch (error) {
    return refuse(what, error);
  }
}

function refuse(what: string, error: unknown): never {
  const one = error instanceof StartupProblems && error.problems.length === 1 ? error.problems[0] : undefined;
  throw new Error(`nothing was written: ${what}${one ?? (error as Error).message}`, { cause: error });
}

function names(folder: string): string[] {
  try {
    return [...Deno.readDirSync(new URL(`${folder}/`, PROJECT))].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** All of them or none: what was written before one that could not be is taken back. */
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

function written({ path, before, declares }: PlannedFile) {
  return { path, what: before === undefined ? "created" : "changed", ...(declares && { events: declares }) };
}

/** What to run now: the test, and then the function itself, beside a `dev`. */
function nextCommands({ files, tryWith }: Plan): string[] {
  const commands = [`${THIS_DENO} test -A ${files.at(-1)!.path}`];
  if (!tryWith) return commands;
  const { event, data } = tryWith;
  commands.push(`${THIS_DENO} task publish ${event.type} --sample 1   # while dev runs`);
  if (!event.ingress) return commands;
  const json = JSON.stringify(data).replaceAll("'", `'\\''`);
  const url = `${devServer()?.url ?? "http://127.0.0.1:8000"}${event.ingress.route ?? `/events/${event.type}`}`;
  return [...commands, `curl -i ${url} -H 'content-type: application/json' -d '${json}'`];
}
