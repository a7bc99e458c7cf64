import { fileURLToPath } from "node:url";
import { type ChildProcess, spawnChild } from "../nats_server/child_process.ts";
import { entriesOf } from "../project/list_files.ts";

/** Folder of programs that stand in for external services. Only `dev` runs them. */
export const MOCK_SERVICES_FOLDER = "functions/_dev/";

/** Runs each program of {@linkcode MOCK_SERVICES_FOLDER} in a process. */
export class MockServices {
  #processes: ChildProcess[] = [];
  #stopped = false;
  /** Resolves when the last queued start or stop is done: they run one at a time. */
  #queue: Promise<void> = Promise.resolve();

  constructor(readonly root: URL, readonly print: (line: string) => void) {}

  /** Starts the programs, and restarts those that run. */
  start(): Promise<void> {
    return this.#queue = this.#queue.then(async () => {
      await this.#end();
      await this.#start();
    });
  }

  /** Ends the programs. A later `start` does nothing. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#queue = this.#queue.then(() => this.#end());
  }

  async #start(): Promise<void> {
    const folder = new URL(MOCK_SERVICES_FOLDER, this.root);
    const names = (await entriesOf(folder)).map(({ name }) => name).filter((name) => name.endsWith(".ts")).sort();
    if (this.#stopped) return;
    this.#processes = names.map((name) => {
      const args = ["run", "--allow-net", "--allow-env", fileURLToPath(new URL(name, folder))];
      const started = spawnChild({ command: Deno.execPath(), args, stdout: "inherit", stderr: "inherit" });
      void started.status.then(({ code }) => {
        if (!this.#processes.includes(started)) return;
        this.print(`${MOCK_SERVICES_FOLDER}${name} exited with code ${code}: save it to restart it`);
      });
      return started;
    });
  }

  async #end(): Promise<void> {
    const processes = this.#processes;
    this.#processes = [];
    await Promise.all(processes.map((process) => process.stop()));
  }
}
