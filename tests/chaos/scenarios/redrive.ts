import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { type Program, startWeir } from "../../support/weir_process.ts";
import { eventually } from "../../support/eventually.ts";
import { storeBacklog } from "../backlog.ts";
import { waitUntilSettled } from "../collect.ts";
import { Ledger } from "../ledger.ts";
import { pause } from "../pause.ts";
import { chaosProject } from "../project.ts";
import { Replicas } from "../replicas.ts";
import type { Scenario, Setting } from "../section.ts";
import { eventMessage } from "../workload.ts";

const WITHIN_MS = 120_000;
const POLL_MS = 3;

/** The messages left, and the runs of each event, after a redrive that was killed and run again. */
export interface Redriven {
  /** Dead letters at the time of the kill. */
  readonly leftByTheFirst: number;
  readonly deadLetters: number;
  readonly retries: number;
  readonly runOnce: number;
  readonly runMoreOften: number;
}

export const redrive: Scenario = {
  name: "redrive",
  about: "a redrive of all dead letters is killed half-way and run again",
  events: 5_000,
  run: async (setting) => {
    const { events } = setting;
    const found = await redriveTwice(setting);
    const broken: string[] = [];
    if (found.runOnce !== events) broken.push(`${found.runOnce} of ${events} events ran exactly once`);
    if (found.runMoreOften > 0) broken.push(`${found.runMoreOften} events ran more than once`);
    if (found.deadLetters > 0) broken.push(`${found.deadLetters} dead letters are left`);
    if (found.retries > 0) broken.push(`${found.retries} events are left in RETRIES`);
    const figures = {
      "dead letters": events,
      "left when it was killed": found.leftByTheFirst,
      "ran exactly once": found.runOnce,
      "ran more often": found.runMoreOften,
      "left in DEAD_LETTERS": found.deadLetters,
    };
    return { name: "redrive", figures, broken };
  },
};

/** Makes dead letters, fixes the function, and runs `dead-letters redrive` twice: the first run is killed. */
export async function redriveTwice({ events, random, progress }: Setting): Promise<Redriven> {
  await using server = await startServer();
  await using ledger = new Ledger();
  await using project = await chaosProject();
  const nc = await connect({ servers: server.url });
  try {
    const jsm = await jetstreamManager(nc);
    const env = { NATS_URL: server.url, LEDGER_URL: ledger.url, WEIR_FUNCTIONS: "mend" };
    await makeDeadLetters(nc, jsm, project.path, { ...env, BROKEN: "yes" }, events);
    progress(`${events} dead letters; redriving`);

    const command = ["dead-letters", "redrive", "--all"];
    const killAt = Math.floor(events * random.between(0.5, 0.9));
    await using first = startWeir(project.path, command, env);
    const { left: leftByTheFirst, sent } = await killBetween(first, jsm, events, killAt);
    progress(`killed with ${leftByTheFirst} dead letters left, ${sent} of them sent already; redriving again`);

    // The function starts only now: it would delete the dead letters that the first redrive had sent.
    await using second = startWeir(project.path, command, env);
    await using mended = await Replicas.start(project.path, env, 1);
    const { code } = await second.status;
    if (code !== 0) throw new Error(`the second redrive ended with ${code}:\n${second.lines.join("\n")}`);
    await waitUntilSettled(jsm, ["REDRIVE", "RETRIES"]);
    await mended.terminateAll();
    const ran = ledger.distinct("mend"), again = new Set<number>(), seen = new Set<number>();
    for (const { n } of ledger.effects) seen.has(n) ? again.add(n) : seen.add(n);
    return {
      leftByTheFirst,
      deadLetters: await count(jsm, "DEAD_LETTERS"),
      retries: await count(jsm, "RETRIES"),
      runOnce: ran - again.size,
      runMoreOften: again.size,
    };
  } finally {
    await nc.close();
  }
}

/**
 * Kills the redrive at a point at which a second one could send an event twice: some dead letters are stored in RETRIES
 * and not deleted yet. The process is stopped for each look at the streams, and continued until that point is reached.
 */
async function killBetween(
  redrive: Program,
  jsm: JetStreamManager,
  events: number,
  killAt: number,
): Promise<{ left: number; sent: number }> {
  while (true) {
    redrive.kill("SIGSTOP");
    const redriven = await count(jsm, "RETRIES"),
      left = await count(jsm, "DEAD_LETTERS"),
      sent = redriven + left - events;
    if (left <= killAt && sent > 0) {
      redrive.kill("SIGKILL");
      await redrive.status;
      return { left, sent };
    }
    redrive.kill("SIGCONT");
    if (left === 0) throw new Error("the redrive ended before it could be killed: use more dead letters");
    await pause(POLL_MS);
  }
}

async function makeDeadLetters(
  nc: NatsConnection,
  jsm: JetStreamManager,
  project: string,
  env: Record<string, string>,
  events: number,
): Promise<void> {
  await using broken = await Replicas.start(project, env, 1);
  await storeBacklog(nc, events, (n) => eventMessage("redrive.broken", `broken-${n}`, JSON.stringify({ n })));
  await eventually(async () => await count(jsm, "DEAD_LETTERS") === events, { within: WITHIN_MS });
  await broken.terminateAll();
}

async function count(jsm: JetStreamManager, stream: string): Promise<number> {
  return (await jsm.streams.info(stream)).state.messages;
}
