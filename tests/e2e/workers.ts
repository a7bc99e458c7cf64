import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { type LogLine, type Program, startWeir } from "../support/weir_process.ts";

/** A function that logs each event, after the milliseconds in it. */
const COUNT = `
import { defineFunction } from "weir";
export default defineFunction({ on: "work.asked", concurrency: 8 }, async (event, { log }) => {
  const data = event.data as { n: number; ms: number };
  if (data.ms > 0) await new Promise((resolve) => setTimeout(resolve, data.ms));
  log.info("handled", { n: data.n });
});
`;

/** A server and a project with one function, `count`, for `start` with WEIR_WORKERS. */
export interface Workers extends AsyncDisposable {
  readonly project: string;
  readonly server: NatsServer;
  /** Runs `start`, without waiting until it is ready. */
  run(workers: number, env?: Record<string, string>): Program;
  /** Runs `start` and waits until it is ready. */
  start(workers: number, env?: Record<string, string>): Promise<Supervised>;
  publish(from: number, to: number, ms?: number): Promise<void>;
  /** Resolves once every event is settled. */
  settled(): Promise<void>;
}

/** A supervisor whose workers are ready. */
export interface Supervised {
  readonly program: Program;
  readonly url: string;
  readonly admin: string;
  /** Returns the process ids of all workers, ended ones too, in the order in which they became ready. */
  pids(): number[];
  /** Returns the handled events by worker. */
  handled(): Map<number, number[]>;
  /** Fetches `/metrics`. */
  page(): Promise<string>;
}

/** Starts the server, without any worker. */
export async function setupWorkers(): Promise<Workers> {
  await using scope = new AsyncDisposableStack();
  const server = await startServer();
  scope.defer(() => server.stop());
  const project = scope.use(await copyProjectWith({ "functions/count.ts": COUNT }));
  const nc = await connectNats({ servers: [server.url], name: "test" });
  scope.defer(() => nc.close());
  const jsm: JetStreamManager = await jetstreamManager(nc);
  await jsm.streams.add({ name: "WORK", subjects: ["work.>"] });
  const js = jsm.jetstream();
  const all = scope.move();
  const run: Workers["run"] = (workers, env = {}) =>
    all.use(startWeir(project.path, ["start"], {
      HOST: "127.0.0.1",
      PORT: "0",
      ADMIN_PORT: "0",
      NATS_URL: server.url,
      LOG_LEVEL: "info",
      WEIR_WORKERS: String(workers),
      ...env,
    }));
  return {
    project: project.path,
    server,
    run,
    start: async (workers, env) => {
      const program = run(workers, env);
      const { url, admin } = await program.waitForLog(({ message }) => message === "ready");
      return supervised(program, String(url), String(admin));
    },
    publish: async (from, to, ms = 0) => {
      for (let at = from; at < to; at += 500) {
        const some = Array.from({ length: Math.min(500, to - at) }, (_, i) => at + i);
        await Promise.all(some.map((n) => js.publish("work.asked", JSON.stringify({ n, ms }))));
      }
    },
    settled: () =>
      eventually(async () => {
        const info = await jsm.consumers.info("WORK", "count");
        return info.num_pending === 0 && info.num_ack_pending === 0;
      }).then(() => {}),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function supervised(program: Program, url: string, admin: string): Supervised {
  const lines = (message: string) =>
    program.lines.filter((line) => line.includes(`"message":"${message}"`)).map((line): LogLine => JSON.parse(line));
  return {
    program,
    url,
    admin,
    pids: () => lines("worker ready").map(({ pid }) => Number(pid)),
    handled: () => {
      const byWorker = new Map<number, number[]>();
      for (const { worker, n } of lines("handled")) {
        const own = byWorker.get(Number(worker)) ?? [];
        byWorker.set(Number(worker), [...own, Number(n)]);
      }
      return byWorker;
    },
    page: async () => await (await fetch(`${admin}/metrics`)).text(),
  };
}
