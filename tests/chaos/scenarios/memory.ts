import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { run } from "../../../runtime/nats_server/run.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { storeBacklog } from "../backlog.ts";
import { pause } from "../pause.ts";
import { chaosProject } from "../project.ts";
import { Replicas } from "../replicas.ts";
import type { Scenario } from "../section.ts";
import { eventMessage } from "../workload.ts";

const SAMPLE_MS = 100;
const FUNCTION = "drain", STREAM = "MEMORY";

/** The resident memory of the process when a share of the backlog was drained. */
interface Sample {
  readonly drained: number;
  readonly bytes: number;
}

export const memory: Scenario = {
  name: "memory",
  about: "the memory of a runtime that drains a backlog",
  events: 1_000_000,
  run: async ({ events, progress }) => {
    await using server = await startServer();
    await using project = await chaosProject();
    const nc = await connect({ servers: server.url });
    try {
      const jsm = await jetstreamManager(nc);
      await jsm.streams.add({ name: STREAM, subjects: ["memory.>"] });
      await storeBacklog(nc, events, (n) => eventMessage("memory.small", `small-${n}`, JSON.stringify({ n })));
      progress(`${events} events are stored; draining`);
      const env = { NATS_URL: server.url, WEIR_FUNCTIONS: FUNCTION };
      const startedAtMs = performance.now();
      await using runtime = await Replicas.start(project.path, env, 1);
      const pid = runtime.pid(0), samples: Sample[] = [];
      for (let left = events; left > 0;) {
        await pause(SAMPLE_MS);
        const { num_pending, num_ack_pending } = await jsm.consumers.info(STREAM, FUNCTION);
        left = num_pending + num_ack_pending;
        samples.push({ drained: 1 - left / events, bytes: await residentBytes(pid) });
      }
      const seconds = (performance.now() - startedAtMs) / 1_000;
      await runtime.terminateAll();
      const at = (share: number) => megabytes(samples.find(({ drained }) => drained >= share)!.bytes);
      return {
        name: "memory",
        figures: {
          events,
          "drained in, s": seconds.toFixed(1),
          "RSS at 10 %": at(0.1),
          "RSS at 50 %": at(0.5),
          "RSS at 100 %": at(1),
          "RSS at most": megabytes(Math.max(...samples.map(({ bytes }) => bytes))),
        },
        broken: [],
      };
    } finally {
      await nc.close();
    }
  },
};

/** Returns the resident memory of a process, from `ps`: reading /proc would need all of Deno's permissions. */
async function residentBytes(pid: number): Promise<number> {
  const kilobytes = Number(await run("ps", ["-o", "rss=", "-p", String(pid)]));
  if (!(kilobytes > 0)) throw new Error(`ps does not know process ${pid}: has the runtime ended?`);
  return kilobytes * 1_024;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`;
}
