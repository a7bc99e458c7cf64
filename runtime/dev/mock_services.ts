import { fileURLToPath } from "node:url";
import { type ChildProcess, spawnChild } from "../nats_server/child_process.ts";

/** Programs in here stand in for what functions call: they run beside `dev`, and nowhere else. */
export const MOCK_SERVICES_FOLDER = "functions/_dev/";

/** The programs of {@linkcode MOCK_SERVICES_FOLDER}, running. */
export class MockServices {
  #processes: ChildProcess[] = [];
  #stopped = false;
  /** One at a time. */
  #turn: Promise<void> = Promise.resolve();

  constructor(readonly root: URL, readonly say: (line: string) => void) {}

  /** Starts them, in place of those that run. */
  start(): Promise<void> {
    return this.#turn = this.#turn.then(async () => {
      await this.#end();
      await this.#start();
    });
  }

  /** Ends them, and none is started after that. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#turn = this.#turn.then(() => this.#end());
  }

  async #start(): Promise<void> {
    const folder = new URL(MOCK_SERVICES_FOLDER, this.root);
    const names = (await namesIn(folder)).filter((name) => name.endsWith(".ts")).sort();
    if (this.#stopped) return;
    this.#processes = names.map((name) => {
      const args = ["run", "--allow-net", "--allow-env", fileURLToPath(new URL(name, folder))];
      const started = spawnChild({ command: Deno.execPath(), args, stdout: "inherit", stderr: "inherit" });
      void started.status.then(({ code }) => {
        if (this.#processes.includes(started)) {
          this.say(`${MOCK_SERVICES_FOLDER}${name} ended with ${code}: it is missing now`);
        }
      });
      return started;
    });
  }

  async #end(): Promise<void> {
    const last = this.#processes;
    this.#processes = [];
    await Promise.all(last.map((process) => process.stop()));
  }
}

async function namesIn(folder: URL): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
