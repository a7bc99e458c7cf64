import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { eventually } from "../support/eventually.ts";
import { jetstreamManager } from "@nats-io/jetstream";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

/** A function that blocks its thread for the milliseconds in its event, as one that computes, without a processor. */
const COMPUTE = `
import { defineFunction } from "weir";
export default defineFunction({ on: "work.asked", timeout: "1m", concurrency: 4 }, (event, { log }) => {
  const data = event.data as { n: number; ms: number };
  log.info("begun", { n: data.n });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, data.ms);
  log.info("computed", { n: data.n });
});
`;

/** A server and a project with one function, `compute`, for any number of replicas. */
export interface Replicas extends AsyncDisposable {
  readonly server: NatsServer;
  /** Starts one more replica. Resolves once it is ready. */
  start(): Promise<Program>;
  /** Stores an event that takes `ms` to compute. */
  publish(n: number, ms: number): Promise<void>;
  /** Resolves once every event is settled, to the number of deliveries. */
  settled(): Promise<number>;
}

/** Starts the server, without any replica. */
export async function startReplicas(): Promise<Replicas> {
  const scope = new AsyncDisposableStack();
  const server = await startServer();
  scope.defer(() => server.stop());
  const project = scope.use(await copyProjectWith({ "functions/compute.ts": COMPUTE }));
  const nc = await connectNats({ servers: [server.url], name: "test" });
  scope.defer(() => nc.close());
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: "WORK", subjects: ["work.>"] });
  return {
    server,
    start: async () => {
      const env = { ...freePorts("PORT", "ADMIN_PORT"), HOST: "127.0.0.1", NATS_URL: server.url };
      const program = scope.use(startWeir(project.path, ["start"], env));
      await program.waitForLog(({ message }) => message === "ready");
      return program;
    },
    publish: async (n, ms) => void await jsm.jetstream().publish("work.asked", JSON.stringify({ n, ms })),
    settled: () =>
      eventually(async () => {
        const info = await jsm.consumers.info("WORK", "compute");
        const done = info.num_pending === 0 && info.num_ack_pending === 0;
        return done ? info.delivered.consumer_seq : undefined;
      }),
    [Symbol.asyncDispose]: () => scope.disposeAsync(),
  };
}

/** Returns the events that a replica began, in order. */
export function begun({ lines }: Program): number[] {
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
    .filter(({ message }) => message === "begun").map(({ n }) => n);
}
