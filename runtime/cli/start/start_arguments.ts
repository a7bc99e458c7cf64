import { fileURLToPath } from "node:url";
import { readDenoJson } from "../../project/deno_json.ts";
import { PROJECT } from "../../project/load_project.ts";

/** How the task says "this very Deno": the name alone may be another's, or a script's that Deno is not on `PATH`. */
const THIS_DENO = "$(deno eval -p 'Deno.execPath()')";

/**
 * What `deno task start` runs, with its permissions: those of `deno.json` hold elsewhere as they do there. A
 * task is run in the project's folder, and a process anywhere: so the program's path is whole.
 */
export async function startArguments(): Promise<string[]> {
  const { start = "" } = (await readDenoJson(PROJECT)).tasks ?? {};
  return argumentsOf(typeof start === "string" ? start : start.command ?? "", Deno.execPath())
    .filter((argument) => argument !== "--no-apply") // of `dev` it is not meant, and workers are told by who starts them
    .map((argument) => argument.endsWith(".ts") ? fileURLToPath(new URL(argument, PROJECT)) : argument);
}

/**
 * The same for a worker: all that handlers may do, but not start Deno, which could then do anything.
 *
 * @throws {Error} when the task is not there, or runs something else.
 */
export function workerArguments(
  start: readonly string[],
  number: number,
  execPath: string,
  apply = true,
): string[] {
  if (start[0] !== "run" || start.at(-1) !== "start") {
    throw new Error('WEIR_WORKERS needs the task "start" in deno.json to be `deno run … weir/cli start`');
  }
  const [run, ...rest] = start.slice(0, -1).flatMap((argument) => {
    const [flag, names] = argument.split("=");
    if (flag !== "--allow-run" || !names) return [argument];
    const others = names.split(",").filter((name) => name !== execPath && name !== "deno");
    return others.length === 0 ? [] : [`--allow-run=${others}`];
  });
  return [run, "--unstable-net", ...rest, "worker", String(number), ...(apply ? [] : ["--no-apply"])];
}

/** The arguments of a task's command, of which we know all that a shell would make of it. */
export function argumentsOf(command: string, execPath: string): string[] {
  const HOLE = "\0";
  return command.replaceAll(THIS_DENO, HOLE).replaceAll(/["']/g, "").trim().split(/\s+/).slice(1)
    .map((argument) => argument.replace(HOLE, () => execPath));
}
