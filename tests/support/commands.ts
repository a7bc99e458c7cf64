import { fileURLToPath } from "node:url";
import type { HostedCommand } from "./command_host.ts";
import { startDeno, startWeir, WEIR_OPTIONS } from "./weir_process.ts";

/** Result of a command that has ended. */
export interface Ended {
  readonly code: number;
  readonly text: string;
}

/** Variables of each command. Nothing listens on port 1, so that no other test's admin listener answers. */
const variables = (natsUrl: string) => ({ NATS_URL: natsUrl, ADMIN_PORT: "1", NO_COLOR: "1" });

/** Returns a function that runs `weir COMMAND` in a project, on a NATS, to its end. */
export function commandRunner(project: string, natsUrl: string, env: Record<string, string> = {}) {
  return async (...args: string[]): Promise<Ended> => {
    await using program = startWeir(project, args, { ...variables(natsUrl), ...env });
    const { code } = await program.status;
    return { code, text: program.lines.join("\n") };
  };
}

/** Runs commands in a project. It is a function of a command's arguments, with the variables of the start. */
export interface Commands extends AsyncDisposable {
  (...args: string[]): Promise<Ended>;
  /** Returns the same with more variables. */
  with(env: Record<string, string>): (...args: string[]) => Promise<Ended>;
}

const HOST = fileURLToPath(new URL("./command_host.ts", import.meta.url));

/**
 * Does as {@linkcode commandRunner} does, for many commands in a project whose files stay as they are: one process runs
 * them, which loads Weir and the project once. The first call of each command is a process of its own, as a user's is,
 * so that a command that leaves something undone at its end, or ends by another code, is found. So is a call while
 * another one runs, or after a file of the project has changed.
 */
export async function startCommands(
  project: string,
  natsUrl: string,
  env: Record<string, string> = {},
): Promise<Commands> {
  const loaded = await sourcesOf(project), ran = new Set<string>(), always = { ...variables(natsUrl), ...env };
  const args = ["run", "--quiet", ...WEIR_OPTIONS, "--config", `${project}/deno.json`, HOST];
  const host = startDeno(project, args, always, { stdin: "piped" });
  let busy = false;
  const run = async (args: readonly string[], more: Record<string, string>): Promise<Ended> => {
    const name = /^\w[\w-]* ?([a-z]+$)?/.exec(args.slice(0, 2).join(" "))![0].trim(), isFirst = !ran.has(name);
    ran.add(name);
    if (isFirst || busy || await sourcesOf(project) !== loaded) {
      return await commandRunner(project, natsUrl, { ...env, ...more })(...args);
    }
    busy = true;
    try {
      const from = host.lines.length, end = `end of ${crypto.randomUUID()}`;
      await host.write(JSON.stringify({ args, env: { ...always, ...more }, end } satisfies HostedCommand) + "\n");
      const isEnd = (line: string) => line.startsWith(end);
      await host.waitForLine(new RegExp(end), from);
      await host.waitForLine(new RegExp(end), host.lines.findIndex(isEnd) + 1);
      const lines = host.lines.slice(from), code = Number(lines.find(isEnd)!.split(" ").at(-1));
      return { code, text: lines.filter((line) => !isEnd(line)).join("\n") };
    } finally {
      busy = false;
    }
  };
  return Object.assign((...args: string[]) => run(args, {}), {
    with: (more: Record<string, string>) => (...args: string[]) => run(args, more),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  });
}

/** Returns the text of all files that commands load. */
async function sourcesOf(project: string): Promise<string> {
  const texts: string[] = [];
  const read = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await read(path);
      else texts.push(path, await Deno.readTextFile(path));
    }
  };
  for (const folder of ["functions", "schemas"]) await read(`${project}/${folder}`);
  return texts.join("\n");
}
