/** Runs Weir's own commands as a user does, in a copy of the project. */
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const WAIT_MS = 30_000;

/** A line of the JSON log. */
export type LogLine = Record<string, unknown> & { message: string };

/** A copy of the project in a temporary folder, so that a test may change its files and runs none of another's. */
export async function copyProject(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "weir-project-" });
  for (const name of ["deno.json", "deno.lock"]) await Deno.copyFile(PROJECT + name, `${path}/${name}`);
  for (const folder of ["runtime", "functions", "schemas"]) await copyFolder(PROJECT + folder, `${path}/${folder}`);
  await Deno.mkdir(`${path}/tests`);
  await Deno.copyFile(`${PROJECT}tests/house_rules.ts`, `${path}/tests/house_rules.ts`);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A copy of the project with one function in place of its own, and with no schemas. */
export async function copyProjectWith(functionName: string, code: string): ReturnType<typeof copyProject> {
  const project = await copyProject();
  for (const folder of ["functions", "schemas"]) {
    await Deno.remove(`${project.path}/${folder}`, { recursive: true });
    await Deno.mkdir(`${project.path}/${folder}`);
  }
  await Deno.writeTextFile(`${project.path}/functions/${functionName}.ts`, code);
  return project;
}

/** Copies a folder and all that is in it to a new one. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Ports that nobody listens on at this moment. */
export function freePorts<const Names extends readonly string[]>(...names: Names): Record<Names[number], string> {
  const listeners = names.map(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map((listener) => String((listener.addr as Deno.NetAddr).port));
  for (const listener of listeners) listener.close();
  return Object.fromEntries(names.map((name, i) => [name, ports[i]])) as Record<Names[number], string>;
}

/** Whether anybody listens there. */
export async function listens(port: string | number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })).close();
    return true;
  } catch {
    return false;
  }
}

/** Waits until nobody listens on any of these ports any more: another process's end can only be asked for. */
export async function waitUntilClosed(ports: readonly (string | number)[]): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  for (const port of ports) {
    while (await listens(port)) {
      if (Date.now() > deadline) throw new Error(`port ${port} is still open after ${WAIT_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** A command of Weir's that runs beside the test. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly lines: readonly string[];
  readonly status: Promise<Deno.CommandStatus>;
  /** The first line of the JSON log, past or to come, that matches. @throws {Error} with the log when none comes. */
  waitForLog(matches: (line: LogLine) => boolean): Promise<LogLine>;
  /** The same for any line; `from` leaves out those before it, by their number. */
  waitForLine(pattern: RegExp, from?: number): Promise<string>;
  kill(signal: Deno.Signal): void;
  /** SIGINT to its whole process group, as a terminal's Ctrl-C: only for one that has a group of its own. */
  interrupt(): void;
}

/**
 * Starts `weir COMMAND` in a project, with nothing of this process's environment but what is needed to run.
 *
 * @param ownGroup whether it leads a process group of its own, as what is started in a terminal does. Default: false.
 */
export function startWeir(
  project: string,
  args: readonly string[],
  env: Record<string, string>,
  ownGroup = false,
): Program {
  return startDeno(project, ["run", "--quiet", "-A", "runtime/cli/main.ts", ...args], env, ownGroup);
}

/** Starts `deno ARGS` in a folder, in the same environment. */
export function startDeno(
  folder: string,
  args: readonly string[],
  env: Record<string, string>,
  ownGroup = false,
): Program {
  const inherited = ["PATH", "HOME", "XDG_CACHE_HOME", "DENO_DIR", "NATS_SERVER", "SSL_CERT_FILE", "TMPDIR"];
  const kept = inherited.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    clearEnv: true,
    env: { LOG_FORMAT: "json", LOG_LEVEL: "debug", ...Object.fromEntries(kept), ...env },
    detached: ownGroup,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines: string[] = [];
  let wake = Promise.withResolvers<void>();
  let ended = false;
  const read = async (stream: ReadableStream<Uint8Array>) => {
    let text = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split("\n");
      text = parts.pop()!;
      lines.push(...parts);
      wake.resolve();
      wake = Promise.withResolvers();
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const status = child.status.then(async (result) => {
    await reading;
    ended = true;
    wake.resolve();
    return result;
  });
  const waitFor = async <Found>(find: (line: string) => Found | undefined, from = 0): Promise<Found> => {
    let at = from;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), WAIT_MS));
    try {
      while (true) {
        for (; at < lines.length; at++) {
          const found = find(lines[at]);
          if (found !== undefined) return found;
        }
        const over = ended ? "it ended" : await Promise.race([wake.promise, late]) && `${WAIT_MS} ms went by`;
        if (over) throw new Error(`no such line, and ${over}:\n${lines.join("\n")}`);
      }
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    pid: child.pid,
    lines,
    status,
    waitForLog: (matches) =>
      waitFor((text) => {
        const line = parseLine(text);
        return line && matches(line) ? line : undefined;
      }),
    waitForLine: (pattern, from) => waitFor((line) => pattern.test(line) ? line : undefined, from),
    kill: (signal) => child.kill(signal),
    interrupt: () => Deno.kill(-child.pid, "SIGINT"),
    [Symbol.asyncDispose]: async () => {
      try {
        if (!ended) child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended, and only its output is still being read
      }
      await status;
    },
  };
}

function parseLine(line: string): LogLine | undefined {
  return line.startsWith("{") ? JSON.parse(line) : undefined;
}
