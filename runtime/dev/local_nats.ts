import { fileURLToPath } from "node:url";
import { type NatsServer, startServer } from "../nats_server/server.ts";
import { styleText } from "node:util";
import { firstFreePort, listeningProcess } from "./ports.ts";

const NATS_PORT = 4222;
/** Ended again so soon after it was started again, it would only do so a third time. */
const AGAIN_MS = 5_000;

/** Starts the nats-server of a project, on the usual port if that is free, with its data in `.weir/`. */
export async function startLocalNats(root: URL, say: (line: string) => void): Promise<NatsServer> {
  const isFree = () => firstFreePort("127.0.0.1", NATS_PORT) === NATS_PORT;
  const tell = (line: string) => line.includes("[INF]") || say(line); // what is only news nobody wants
  const storeDir = fileURLToPath(new URL(".weir/jetstream", root));
  if (isFree()) {
    let started = false;
    const log = (line: string) => (started || !line.includes("[FTL]")) && tell(line); // the error has it otherwise
    try {
      const server = await startServer({ port: NATS_PORT, storeDir, log });
      started = true;
      return server;
    } catch (error) {
      if (isFree()) throw error; // else another `dev` was just faster
    }
  }
  say(`port ${NATS_PORT} is taken by ${await listeningProcess(NATS_PORT) ?? "another process"}: NATS gets another`);
  return await startServer({ storeDir, log: tell });
}

/** Starts it again whenever it ends by itself. Not if it would only end again, as with a store that it cannot write. */
export async function restartNatsOnExit(server: NatsServer, stopping: () => boolean, say: (line: string) => void) {
  for (let lastMs = -Infinity, nowMs = 0;; lastMs = nowMs) {
    const { code, signal } = await server.ended;
    if (stopping()) return;
    nowMs = performance.now();
    const how = styleText("red", `nats-server ${signal ? `was ended by ${signal}` : `ended with ${code}`}`);
    if (nowMs - lastMs < AGAIN_MS) return say(`${how} again: end this with Ctrl-C and start it again`);
    try {
      await server.restart();
    } catch (error) {
      return say(`${how} and cannot be started again: ${(error as Error).message}`);
    }
    say(`${how}: it runs again, with all that it had stored`);
  }
}
