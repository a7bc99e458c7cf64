import { fileURLToPath } from "node:url";
import { type NatsServer, startServer } from "../nats_server/server.ts";
import { styleText } from "node:util";
import { firstFreePort, listeningProcess } from "./ports.ts";

const NATS_PORT = 4222;
const STORE = ".weir/jetstream";
/** Milliseconds between two exits below which the server is not restarted: it would exit a third time. */
const MIN_UPTIME_MS = 5_000;

/** Starts the nats-server of a project, on NATS's usual port if that is free, with its data in `.weir/`. */
export async function startLocalNats(root: URL, print: (line: string) => void): Promise<NatsServer> {
  const isFree = () => firstFreePort("127.0.0.1", NATS_PORT) === NATS_PORT;
  const printProblem = (line: string) => line.includes("[INF]") || print(line);
  const storeDir = fileURLToPath(new URL(STORE, root));
  if (isFree()) {
    let started = false;
    const log = (line: string) => (started || !line.includes("[FTL]")) && printProblem(line); // the error repeats [FTL]
    try {
      const server = await startServer({ port: NATS_PORT, storeDir, log });
      started = true;
      return server;
    } catch (error) {
      if (isFree()) throw error; // otherwise another `dev` has just taken the port
    }
  }
  const user = await listeningProcess(NATS_PORT) ?? "another process";
  print(`port ${NATS_PORT} is in use by ${user}: nats-server uses another port`);
  return await startServer({ storeDir, log: printProblem });
}

/** Deletes the data of the nats-server of a project. */
export async function deleteNatsData(root: URL): Promise<void> {
  try {
    await Deno.remove(new URL(STORE, root), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Restarts the server whenever it exits by itself, unless it exits again soon, as with a store it cannot write. */
export async function restartNatsOnExit(
  server: NatsServer,
  stopping: () => boolean,
  print: (line: string) => void,
): Promise<void> {
  for (let lastMs = -Infinity, nowMs = 0;; lastMs = nowMs) {
    const { code, signal } = await server.ended;
    if (stopping()) return;
    nowMs = performance.now();
    const exit = styleText("red", `nats-server ${signal ? `was killed by ${signal}` : `exited with code ${code}`}`);
    if (nowMs - lastMs < MIN_UPTIME_MS) return print(`${exit} again: stop dev with Ctrl-C and start it again`);
    try {
      await server.restart();
    } catch (error) {
      return print(`${exit} and could not be restarted: ${(error as Error).message}`);
    }
    print(`${exit}: restarted with all stored data`);
  }
}
