import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type Account, account } from "./account.ts";
import { deadLetters, storedNumbers, waitUntilSettled } from "./collect.ts";
import { type Fault, type PlannedFault, runFaults } from "./faults.ts";
import { type Gap, gapsOf } from "./gaps.ts";
import { Ledger } from "./ledger.ts";
import { chaosProject } from "./project.ts";
import { Publisher } from "./publisher.ts";
import { Replicas } from "./replicas.ts";
import { askedMessage } from "./workload.ts";

/** A load, the runtimes that handle it, and the faults meanwhile. */
export interface Trial {
  readonly servers: readonly string[];
  readonly replicas: number;
  readonly events: number;
  readonly perSecond: number;
  /** Additional environment variables of the runtimes. */
  readonly env?: Record<string, string>;
  readonly calmMs?: number;
  readonly plan: (replicas: Replicas) => readonly PlannedFault[];
  readonly progress: (line: string) => void;
}

/** The result of a trial. */
export interface Verdict {
  readonly account: Account;
  readonly faults: readonly Fault[];
  readonly gaps: readonly Gap[];
  /** Exit codes of runtimes after SIGTERM. */
  readonly exitCodes: readonly number[];
  /** When the load began, in the clock of faults and effects. */
  readonly startedAtMs: number;
  readonly loadMs: number;
}

/** Publishes the load while faults are injected, waits until every event is settled, and accounts for each. */
export async function runTrial(trial: Trial): Promise<Verdict> {
  const { servers, events, perSecond, progress } = trial;
  await using ledger = new Ledger();
  await using project = await chaosProject();
  const env = {
    NATS_URL: servers.join(","),
    LEDGER_URL: ledger.url,
    WEIR_FUNCTIONS: "answer,follow",
    ...trial.env,
  };
  await using replicas = await Replicas.start(project.path, env, trial.replicas);
  const nc = await connect({
    servers: [...servers],
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    noAsyncTraces: true,
  });
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    progress(`${trial.replicas} runtimes are ready: ${events} events, ${perSecond} a second`);
    const startedAtMs = performance.now();
    const publisher = new Publisher(nc, { events, perSecond, message: askedMessage });
    const loading = publisher.run();
    const faults = await runFaults(trial.plan(replicas), publisher, progress, trial.calmMs);
    await loading;
    const loadEndedMs = publisher.lastSentMs;
    progress(`${events} events are stored; waiting until all of them are settled`);
    await waitUntilSettled(jsm, ["CHAOS", "RETRIES"]);
    await replicas.terminateAll();
    const evidence = {
      sent: events,
      effects: ledger.effects,
      asked: await storedNumbers(nc, "CHAOS", "chaos.asked"),
      answered: await storedNumbers(nc, "CHAOS", "chaos.answered"),
      dead: await deadLetters(nc),
      faults,
    };
    return {
      account: account(evidence),
      faults,
      gaps: gapsOf(faults, ledger.effects, loadEndedMs),
      exitCodes: replicas.exitCodes,
      startedAtMs,
      loadMs: loadEndedMs - startedAtMs,
    };
  } finally {
    await nc.close();
  }
}
