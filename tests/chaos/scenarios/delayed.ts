import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { eventually } from "../../support/eventually.ts";
import { storeBacklog } from "../backlog.ts";
import { waitUntilSettled } from "../collect.ts";
import { Ledger } from "../ledger.ts";
import { chaosProject } from "../project.ts";
import { Publisher } from "../publisher.ts";
import { Replicas } from "../replicas.ts";
import type { Scenario } from "../section.ts";
import { eventMessage } from "../workload.ts";

const HEALTHY = 1_000;
const PER_SECOND = 50;
/** Events before the first measurement, so that lazy code is loaded and compiled. */
const WARM_UP = 200;
const WITHIN_MS = 50_000;

/** Measures healthy events alone, beside delayed retries, and while these come back. */
export const delayed: Scenario = {
  name: "delayed",
  about: "healthy events beside others of their function that wait for a minute",
  events: 10_000,
  run: async ({ events, progress }) => {
    await using server = await startServer();
    await using ledger = new Ledger();
    await using project = await chaosProject();
    const env = { NATS_URL: server.url, LEDGER_URL: ledger.url, WEIR_FUNCTIONS: "wait", LOG_LEVEL: "info" };
    await using runtime = await Replicas.start(project.path, env, 1);
    const nc = await connect({ servers: server.url });
    try {
      const jsm = await jetstreamManager(nc);
      let next = 0;
      /** Publishes healthy events, and returns the milliseconds from publish to handler of each. */
      const healthy = async (count: number): Promise<number[]> => {
        const from = next, until = next += count;
        const message = (i: number) => posted(from + i, false);
        await new Publisher(nc, { events: count, perSecond: PER_SECOND, message }).run();
        const own = () => ledger.effects.filter(({ n }) => from <= n && n < until);
        await eventually(() => own().length >= count, { within: WITHIN_MS });
        return own().map(({ latencyMs }) => latencyMs!);
      };
      await healthy(WARM_UP);
      const alone = await healthy(HEALTHY);
      progress(`${HEALTHY} healthy events alone: p50 ${percentile(alone, 0.5).toFixed(2)} ms; delaying ${events}`);

      const first = next;
      next += events;
      await storeBacklog(nc, events, (i) => posted(first + i, true));
      const delayedNow = async () => (await jsm.streams.info("RETRIES")).state.messages;
      await eventually(async () => await delayedNow() === events, { within: WITHIN_MS });
      const beside = await healthy(HEALTHY);
      const stillDelayed = await delayedNow();
      progress(`${stillDelayed} of them are still delayed; waiting for them`);
      await eventually(async () => await delayedNow() < events, { within: 90_000 });
      const meanwhile = await healthy(WARM_UP);
      await waitUntilSettled(jsm, ["DELAYED", "RETRIES"]);
      await runtime.terminateAll();

      const ran = new Map<number, number>();
      for (const { n } of ledger.effects) ran.set(n, (ran.get(n) ?? 0) + 1);
      const lost = next - ran.size, repeated = [...ran.values()].filter((times) => times > 1).length;
      const broken: string[] = [];
      if (lost > 0) broken.push(`${lost} events were never handled`);
      if (repeated > 0) broken.push(`${repeated} events were handled twice`);
      if (stillDelayed < events) broken.push(`only ${stillDelayed} of ${events} were delayed while it was measured`);
      return {
        name: "delayed",
        broken,
        figures: figures({ delayed: events, lost, repeated }, alone, beside, meanwhile),
      };
    } finally {
      await nc.close();
    }
  },
};

function figures(counts: Record<string, number>, ...[alone, beside, meanwhile]: number[][]) {
  const ms = (values: number[], share: number) => percentile(values, share).toFixed(2);
  const ratio = (share: number) => (percentile(beside, share) / percentile(alone, share)).toFixed(2);
  const row = (values: number[]) => `p50 ${ms(values, 0.5)}, p99 ${ms(values, 0.99)}`;
  return {
    ...counts,
    "ms to the handler, alone": row(alone),
    "ms to the handler, beside the delayed": row(beside),
    ratio: `p50 ${ratio(0.5)}, p99 ${ratio(0.99)}`,
    "ms to the handler, while they come back": row(meanwhile),
  };
}

function posted(n: number, delay: boolean) {
  const sentAtMs = performance.timeOrigin + performance.now();
  return eventMessage("delayed.posted", `posted-${n}`, JSON.stringify({ n, sentAtMs, delay }));
}

/** Returns the value that a share of the others does not exceed. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
