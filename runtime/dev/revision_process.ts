import { spawn } from "node:child_process";
import { WATCHDOG } from "../nats_server/child_process.ts";
import type { Address, FromRevision, ProjectSummary, ToRevision } from "./messages.ts";

/** A generation that cannot run. */
export interface RevisionFailure {
  readonly problems: readonly string[];
  /** The process is gone, whyever that is. */
  readonly ended?: boolean;
  /** It is no fault of the files: it may run later as it is. */
  readonly passing?: boolean;
}

/** A process that runs the project as it is on disk when it loads it. */
export interface RevisionProcess {
  readonly pid: number;
  readonly ended: Promise<string>;
  /** Imports the project. Nothing runs yet. */
  load(): Promise<ProjectSummary | RevisionFailure>;
  /** Makes streams and consumers as declared, listens and pulls. */
  go(): Promise<Address | RevisionFailure>;
  /** Stops it as {@linkcode stop} does, but it stays: `go` makes it run again, also while handlers still finish. */
  rest(): void;
  /** Data to try it with, as JSON. */
  example(): Promise<string | undefined>;
  /** Lets it finish what it is at; after `graceMs` it is made to end. */
  stop(graceMs: number): Promise<void>;
  /** Whether handlers run. One that does not answer has a handler that computes. */
  busy(): Promise<boolean>;
  kill(): void;
}

type Answer = FromRevision | (RevisionFailure & { readonly kind: "problems" });

/** A module that never comes to its end must not keep every later save waiting. */
const LOAD_MS = 20_000;
/** Upper bound for an answer of a process whose thread is free, on a busy machine. */
const ANSWER_MS = 2_000;

/**
 * Starts a process that waits to be told to load. It can't outlive us, even when we are killed or a handler never lets
 * go of its thread; see {@linkcode WATCHDOG}. Beside that one's pipe there is a channel for messages, as
 * `node:child_process` alone makes them.
 */
export function spawnGeneration(args: readonly string[], cwd: string, env: Record<string, string>): RevisionProcess {
  const guarded = Deno.build.os !== "windows";
  const child = spawn(guarded ? "sh" : Deno.execPath(), [
    ...guarded ? ["-c", WATCHDOG, "sh", Deno.execPath()] : [],
    ...args,
  ], {
    cwd,
    env: { ...Deno.env.toObject(), ...env },
    stdio: ["pipe", "inherit", "inherit", "ipc"],
    detached: guarded, // a terminal's Ctrl-C is for us: when it ends is ours to decide
  });
  let running = child.pid !== undefined;
  const ended = new Promise<string>((resolve) => {
    child.on("exit", (code, signal) => {
      running = false;
      resolve(signal ? `was ended by ${signal}` : `ended with ${code}`);
    });
    child.on("error", (error) => void (child.pid === undefined && resolve(`cannot be started: ${error.message}`)));
  });
  let heard = Promise.withResolvers<FromRevision>();
  child.on("message", (message: FromRevision) => {
    heard.resolve(message);
    heard = Promise.withResolvers();
  });
  const tell = (what: ToRevision) => void (child.connected && child.send(what, () => {}));
  const ask = async (what: ToRevision, limitMs = LOAD_MS): Promise<Answer> => {
    const answer = heard.promise;
    tell(what);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<string>((resolve) => timer = setTimeout(() => resolve("late"), limitMs));
    const first = await Promise.race([answer, ended, late]);
    clearTimeout(timer);
    if (typeof first !== "string") return first;
    const problem = first !== "late"
      ? `the process that was to run it ${first}`
      : `it is not ${what === "go" ? "running" : "loaded"} after ${LOAD_MS / 1_000} s: ` +
        `does a module wait for something, or compute for ever?`;
    return { kind: "problems", problems: [problem], ended: first !== "late" };
  };
  // `child.kill` would close the pipe first: the watchdog then finds a process that is not gone yet, and waits for a second.
  const kill = () => void (running && Deno.kill(child.pid!, "SIGKILL"));
  return {
    pid: child.pid!,
    ended,
    load: async () => {
      const answer = await ask("load");
      return answer.kind === "loaded" ? answer.loaded : refused(answer);
    },
    go: async () => {
      const answer = await ask("go");
      return answer.kind === "ready" ? answer.address : refused(answer);
    },
    rest: () => tell("rest"),
    example: async () => {
      const answer = await ask("example");
      return answer.kind === "example" ? answer.json : undefined;
    },
    stop: async (graceMs) => {
      tell("stop");
      const timer = setTimeout(kill, graceMs);
      await ended;
      clearTimeout(timer);
    },
    busy: async () => {
      const answer = await ask("busy", ANSWER_MS);
      return answer.kind === "busy" ? answer.busy : answer.kind === "problems" && "ended" in answer && !answer.ended;
    },
    kill,
  };
}

function refused(answer: Answer): RevisionFailure {
  if (answer.kind !== "problems") return { problems: [`it answered ${answer.kind} out of turn`] };
  return answer;
}
