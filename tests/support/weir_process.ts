import { START_OPTIONS } from "../../runtime/cli/init/deno_json.ts";
import { freePorts } from "./ports.ts";
import { WITHIN_MS } from "./eventually.ts";

/** A line of the JSON log. */
export type LogLine = Record<string, unknown> & { message: string };

/** A command of Weir that runs beside the test. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly lines: readonly string[];
  readonly status: Promise<Deno.CommandStatus>;
  /** Resolves to the first line of the JSON log that matches. @throws {Error} At the time limit, with the log. */
  waitForLog(matches: (line: LogLine) => boolean): Promise<LogLine>;
  /** Resolves to the first line that matches, from the line number `from`. */
  waitForLine(pattern: RegExp, from?: number): Promise<string>;
  kill(signal: Deno.Signal): void;
  /** Sends SIGINT to its process group, as Ctrl-C in a terminal does. It must have its own group. */
  interrupt(): void;
  /** Writes to its standard input, which must be a pipe. */
  write(text: string): Promise<void>;
}

/** Deno's options for `weir COMMAND`. See {@linkcode startWeir}. */
export const WEIR_OPTIONS = [...START_OPTIONS, "-A"];

/**
 * Starts `weir COMMAND` in a project, with the variables in `env` and those that Deno and nats-server need. Deno has the
 * options of the task `start`, as the workers and revisions that such a process starts have them: V8 refuses code that
 * was compiled with other flags, and would compile it again.
 *
 * @param ownGroup Starts it in its own process group, as a terminal does. Default: false.
 */
export function startWeir(
  project: string,
  args: readonly string[],
  env: Record<string, string>,
  ownGroup = false,
): Program {
  return startDeno(project, ["run", "--quiet", ...WEIR_OPTIONS, "weir/cli", ...args], env, { ownGroup });
}

/** Starts `weir start` in a project, on free ports of its own. Resolves once it is ready. @param env Further variables. */
export async function startReadyWeir(
  project: string,
  natsUrl: string,
  env: Record<string, string> = {},
): Promise<Program> {
  const own = { ...freePorts("PORT", "ADMIN_PORT"), HOST: "127.0.0.1", NATS_URL: natsUrl };
  const program = startWeir(project, ["start"], { ...own, ...env });
  await program.waitForLog(({ message }) => message === "ready");
  return program;
}

/** Variables that Deno and nats-server need: where things are, and which certificates a download is checked against. */
const INHERITED = [
  ...["PATH", "HOME", "XDG_CACHE_HOME", "DENO_DIR", "NATS_SERVER", "TMPDIR"],
  ...["DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_DIR", "SSL_CERT_FILE"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "NPM_CONFIG_REGISTRY"],
];

/**
 * Starts `deno ARGS` in a folder, with the same environment.
 *
 * @param options Its process group, as of {@linkcode startWeir}, and its standard input. Default: no group, and none.
 */
export function startDeno(
  folder: string,
  args: readonly string[],
  env: Record<string, string>,
  { ownGroup = false, stdin = "null" }: { ownGroup?: boolean; stdin?: "null" | "piped" } = {},
): Program {
  const kept = INHERITED.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    clearEnv: true,
    env: { LOG_FORMAT: "json", LOG_LEVEL: "debug", ...Object.fromEntries(kept), ...env },
    detached: ownGroup,
    stdin,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = stdin === "piped" ? child.stdin.getWriter() : undefined;
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
    const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), WITHIN_MS));
    try {
      while (true) {
        for (; at < lines.length; at++) {
          const found = find(lines[at]);
          if (found !== undefined) return found;
        }
        const over = ended ? "it ended" : await Promise.race([wake.promise, late]) && `${WITHIN_MS} ms went by`;
        if (over) throw new Error(`no line matched, and ${over}:\n${lines.join("\n")}`);
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
    write: async (text) => await input!.write(new TextEncoder().encode(text)),
    [Symbol.asyncDispose]: async () => {
      try {
        if (!ended) child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended, and its output is still being read
      }
      await input?.close().catch(() => {}); // the pipe is broken
      await status;
    },
  };
}

function parseLine(line: string): LogLine | undefined {
  return line.startsWith("{") ? JSON.parse(line) : undefined;
}
