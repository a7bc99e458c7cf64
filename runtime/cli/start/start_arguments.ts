import { fileURLToPath } from "node:url";
import { readDenoJson } from "../../project/deno_json.ts";
import { PROJECT } from "../../project/load_project.ts";

/** Shell text in the task for the path of the running Deno. `deno` may be another program, or not on PATH. */
const EXEC_PATH = "$(deno eval -p 'Deno.execPath()')";
/** Deno's option with flags of V8, and the flag for the size to which a heap may grow. */
const V8 = "--v8-flags=", OLD_SPACE = "--max-old-space-size";

/**
 * Returns the arguments of Deno in the task `start`: processes that Weir starts get the permissions of that task.
 * A task runs in the project's folder and a process may run anywhere, so a relative program becomes an absolute path.
 */
export async function startArguments(): Promise<string[]> {
  const { start = "" } = (await readDenoJson(PROJECT)).tasks ?? {};
  return argumentsOf(typeof start === "string" ? start : start.command ?? "", Deno.execPath())
    .filter((argument) => argument !== "--no-apply") // dev always applies, and a supervisor decides for its workers
    .map((argument) => argument.endsWith(".ts") ? fileURLToPath(new URL(argument, PROJECT)) : argument);
}

/**
 * Returns the arguments of a worker. They are those of `start` without the permission to run Deno: a handler could use
 * it to get round every other permission.
 *
 * @param start Arguments from {@linkcode startArguments}.
 * @param apply Whether the worker may create and change streams and consumers. Default: true.
 * @param heapMiB Size to which the worker's heap may grow. Default: the size in the task, or else Deno's choice.
 * @throws {Error} when the task `start` is missing or runs something else.
 */
export function workerArguments(
  start: readonly string[],
  number: number,
  execPath: string,
  apply = true,
  heapMiB?: number,
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
  const others = rest.filter((argument) => !argument.startsWith(V8)), v8 = v8Flags(rest, heapMiB);
  return [run, "--unstable-net", ...v8, ...others, "worker", String(number), ...(apply ? [] : ["--no-apply"])];
}

/** Returns the option with the flags of V8 in a task's arguments, and the size of the heap unless they have it. */
function v8Flags(start: readonly string[], heapMiB: number | undefined): string[] {
  const flags = start.filter((argument) => argument.startsWith(V8)).map((argument) => argument.slice(V8.length));
  if (heapMiB !== undefined && !flags.some((flag) => flag.includes(OLD_SPACE))) flags.push(`${OLD_SPACE}=${heapMiB}`);
  return flags.length === 0 ? [] : [V8 + flags.join()];
}

/** Splits a task's command into the arguments of Deno. Only quotes and {@linkcode EXEC_PATH} are understood. */
export function argumentsOf(command: string, execPath: string): string[] {
  const PLACEHOLDER = "\0"; // the path may contain spaces
  return command.replaceAll(EXEC_PATH, PLACEHOLDER).replaceAll(/["']/g, "").trim().split(/\s+/).slice(1)
    .map((argument) => argument.replace(PLACEHOLDER, () => execPath));
}
