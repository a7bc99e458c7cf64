import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";
import { WEIR_OPTIONS } from "./weir_process.ts";

/** Import map of the packages that the runtime imports. */
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Returns whether a process exists and is no zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  // Some Linux systems have no `ps`. In this file the state follows the name in brackets.
  const [command, ...args] = Deno.build.os === "linux"
    ? ["sed", "s/.*) //", `/proc/${pid}/stat`]
    : ["ps", "-o", "stat=", "-p", String(pid)];
  const { stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
  const state = new TextDecoder().decode(stdout).trim();
  return state !== "" && !state.startsWith("Z");
}

/** Resolves once a process has ended. */
export async function waitUntilGone(pid: number): Promise<void> {
  await eventually(async () => !(await isAlive(pid)));
}

/** Returns the command lines of this machine that contain a text, such as the folder of a test's project. */
export async function commandLinesWith(text: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "args="] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(text));
}

/** A Deno program that runs beside the test, in a process group of its own, and prints lines. */
export interface Program extends AsyncDisposable {
  pid: number;
  /** Resolves to the next line of its output. */
  line(): Promise<string>;
  /** Kills it with SIGKILL, and resolves once it has ended. */
  kill(): Promise<void>;
}

/**
 * Starts a module with this code. It can import absolute URLs, such as those of `import.meta.resolve`.
 *
 * @param limits File descriptors that it may have. Default: those of the test.
 */
export async function startProgram(code: string, limits: { fileDescriptors?: number } = {}): Promise<Program> {
  const file = await Deno.makeTempFile({ prefix: "weir-test-", suffix: ".ts" });
  await Deno.writeTextFile(file, code);
  const { fileDescriptors = "$(ulimit -n)" } = limits;
  const child = new Deno.Command("sh", {
    args: [
      ...["-c", `ulimit -n ${fileDescriptors}; exec "$0" "$@"`, Deno.execPath()],
      ...["run", ...WEIR_OPTIONS, "--frozen", "--config", CONFIG, file],
    ],
    stdin: "null",
    stdout: "piped",
    detached: true,
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const line = async () => {
    while (!text.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`the program ended; it had printed ${JSON.stringify(text)}`);
      text += value;
    }
    const end = text.indexOf("\n");
    const first = text.slice(0, end);
    text = text.slice(end + 1);
    return first;
  };
  let ended = false;
  const kill = async () => {
    if (ended) return;
    ended = true;
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // already ended
    }
    await child.status;
    await reader.cancel();
    await Deno.remove(file);
  };
  return { pid: child.pid, line, kill, [Symbol.asyncDispose]: kill };
}
