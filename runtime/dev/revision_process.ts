import { type ChildProcess, spawn } from "node:child_process";
import { systemClock } from "../engine/system_clock.ts";
import { withTimeout } from "../nats/client/with_timeout.ts";
import { WATCHDOG } from "../nats_server/child_process.ts";
import type { FromRevision, ProjectSummary, RevisionAddress, ToRevision } from "./messages.ts";

/** The reasons why a revision cannot run. */
export interface RevisionFailure {
  readonly problems: readonly string[];
  /** The process has exited. */
  readonly exited?: boolean;
  /** The cause is outside the project, so the same files may run later. */
  readonly transient?: boolean;
}

/** A process that runs the project as its files are when they are loaded. */
export type RevisionProcess = Pick<SpawnedRevision, keyof SpawnedRevision>;

/** A reply, or the reason why there is none. */
type Reply = FromRevision | { readonly kind: "exited"; readonly how: string } | { readonly kind: "late" };

/** Upper bound for load and start in milliseconds: a module that never finishes loading must not block later saves. */
const LOAD_MS = 20_000;
/** Upper bound in milliseconds for the reply of a process whose thread is free, on a busy machine. */
const REPLY_MS = 2_000;

/**
 * Starts Deno with an IPC channel, which only `node:child_process` offers. The process ends when this process ends; see
 * {@linkcode WATCHDOG}. It receives no Ctrl-C from the terminal, because `dev` decides when it stops.
 */
export class SpawnedRevision {
  /** Resolves with a description of the exit, such as "exited with code 1". */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  #running: boolean;

  constructor(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
    const guarded = Deno.build.os !== "windows";
    const command = guarded ? "sh" : Deno.execPath(), guard = guarded ? ["-c", WATCHDOG, "sh", Deno.execPath()] : [];
    const child = this.#child = spawn(command, [...guard, ...args], {
      cwd,
      env: { ...Deno.env.toObject(), ...env },
      stdio: ["pipe", "inherit", "inherit", "ipc"],
      detached: guarded,
    });
    this.#running = child.pid !== undefined;
    this.exited = new Promise<string>((resolve) => {
      child.on("exit", (code, signal) => {
        this.#running = false;
        resolve(signal ? `was killed by ${signal}` : `exited with code ${code}`);
      });
      child.on("error", (error) => void (child.pid === undefined && resolve(`could not start: ${error.message}`)));
    });
  }

  /** Imports and checks the project, without starting anything. */
  async load(): Promise<ProjectSummary | RevisionFailure> {
    const reply = await this.#ask("load", ["loaded", "failed"], LOAD_MS);
    return reply.kind === "loaded" ? reply.project : failureOf(reply, "loaded");
  }

  /** Applies the topology, listens and pulls. */
  async start(): Promise<RevisionAddress | RevisionFailure> {
    const reply = await this.#ask("start", ["started", "failed"], LOAD_MS);
    return reply.kind === "started" ? reply.address : failureOf(reply, "started");
  }

  /** Stops the runtime but not the process. `start` may follow at once, while handlers still finish. */
  standby(): void {
    this.#send("standby");
  }

  /** Returns example data for the first event of the ingress, as JSON. */
  async example(): Promise<string | undefined> {
    const reply = await this.#ask("example", ["example"], LOAD_MS);
    return reply.kind === "example" ? reply.json : undefined;
  }

  /** Lets handlers finish and ends the process, by SIGKILL after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#send("stop");
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Returns whether handlers run. A process that does not reply is busy computing. */
  async busy(): Promise<boolean> {
    const reply = await this.#ask("busy", ["busy"], REPLY_MS);
    return reply.kind === "busy" ? reply.busy : reply.kind === "late";
  }

  /** Returns whether its thread is free to reply. */
  async responds(): Promise<boolean> {
    return (await this.#ask("busy", ["busy"], REPLY_MS)).kind !== "late";
  }

  kill(): void {
    // `ChildProcess.kill` would close the pipe before the process is gone, and the watchdog would wait for a second.
    if (this.#running) Deno.kill(this.#child.pid!, "SIGKILL");
  }

  #send(message: ToRevision): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Sends a command and waits for a reply of these kinds: several commands may wait at once. */
  async #ask(message: ToRevision, kinds: readonly FromRevision["kind"][], timeoutMs: number): Promise<Reply> {
    const { promise: reply, resolve } = Promise.withResolvers<Reply>();
    const listen = (received: FromRevision) => void (kinds.includes(received.kind) && resolve(received));
    this.#child.on("message", listen);
    this.#send(message);
    const exited = this.exited.then((how): Reply => ({ kind: "exited", how }));
    try {
      return await withTimeout(systemClock, timeoutMs, Promise.race([reply, exited]));
    } catch {
      return { kind: "late" };
    } finally {
      this.#child.off("message", listen);
    }
  }
}

function failureOf(reply: Reply, expected: "loaded" | "started"): RevisionFailure {
  if (reply.kind === "failed") return reply;
  if (reply.kind === "exited") {
    return { problems: [`the runtime ${reply.how} before it was ${expected}`], exited: true };
  }
  const late = `the functions were not ${expected} within ${LOAD_MS / 1_000} s`;
  return { problems: [`${late}: does a module block, or loop, when imported?`] };
}
