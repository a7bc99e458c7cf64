import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type Account, account } from "./account.ts";
import { deadLetters, storedNumbers, untilQuiet } from "./collect.ts";
import { type Fault, type Plan, runFaults } from "./faults.ts";
import { type Gap, gapsOf } from "./gaps.ts";
import { Ledger } from "./ledger.ts";
import { chaosProject } from "./project.ts";
import { Publisher } from "./publisher.ts";
import { Replicas } from "./replicas.ts";
import { askedMessage } from "./workload.ts";

/** A load, the runtimes that take it, and what is done to them meanwhile. */
export interface Trial {
  readonly servers: readonly string[];
  readonly replicas: number;
  readonly events: number;
  readonly perSecond: number;
  /** Further environment of the runtimes. */
  readonly env?: Record<string, string>;
  readonly calmMs?: number;
  readonly plan: (replicas: Replicas) => readonly Plan[];
  readonly say: (line: string) => void;
}

/** What came of it. */
export interface Verdict {
  readonly account: Account;
  readonly faults: readonly Fault[];
  readonly gaps: readonly Gap[];
  /** How runtimes ended that were asked to. */
  readonly exitCodes: readonly number[];
  /** The clock when the load began, which the times of faults and effects are counted from. */
  readonly startedAtMs: number;
  readonly loadMs: number;
}

/** Publishes the load while the faults are done, waits until all is quiet, and accounts for every event. */
export async function runTrial(trial: Trial): Promise<Verdict> {
  const { servers, events, perSecond, say } = trial;
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
    say(`${trial.replicas} runtimes are ready: ${events} events, ${perSecond} a second`);
    const startedAtMs = performance.now();
    const publisher = new Publisher(nc, { events, perSecond, message: askedMessage });
    const loading = publisher.run();
    const faults = await runFaults(trial.plan(replicas), publisher, say, trial.calmMs);
    await loading;
    const loadEndedMs = publisher.lastSentMs;
    say(`${events} events are stored; waiting until all of them are settled`);
    await untilQuiet(jsm, ["CHAOS", "RETRIES"]);
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
