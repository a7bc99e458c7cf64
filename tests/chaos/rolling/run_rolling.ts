import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { commandRunner } from "../../support/commands.ts";
import { storedNumbers, waitUntilSettled } from "../collect.ts";
import { Ledger } from "../ledger.ts";
import { Deployment } from "./deployment.ts";
import { IngressLoad } from "./ingress_load.ts";
import { copyReleases } from "./releases.ts";

/** Functions that both releases have. */
const FUNCTIONS = ["send", "bill"] as const;

/** A deploy under load. */
export interface Rolling {
  readonly servers: readonly string[];
  readonly replicas: number;
  /** Events at least; more if the steps take longer. */
  readonly events: number;
  readonly perSecond: number;
  /** Additional environment variables of the processes. */
  readonly env?: Record<string, string>;
  /** Called under load once the deploys are over. Default: nothing more happens. */
  readonly then?: () => Promise<void>;
  readonly progress: (line: string) => void;
}

/** The result of a deploy under load. Lists hold the numbers of events. */
export interface Rolled {
  readonly accepted: number;
  readonly errors: readonly string[];
  readonly lost: readonly number[];
  /** Effects of a function after the first for the same event. */
  readonly repeated: readonly number[];
  readonly storedTwice: number;
  readonly deadLetters: number;
  /** Effects by release. */
  readonly effectsOf: Readonly<Record<1 | 2, number>>;
  readonly exitCodes: readonly number[];
}

/** Deploys release 1, then release 2, and then release 1 again, one replica after the other, while events come in. */
export async function runRolling(rolling: Rolling): Promise<Rolled> {
  const { servers, progress, events } = rolling;
  await using ledger = new Ledger();
  await using releases = await copyReleases();
  const env = { NATS_URL: servers.join(","), LEDGER_URL: ledger.url, ...rolling.env };
  const apply = async (release: 1 | 2) => {
    const { code, text } = await commandRunner(releases[release], "", env)("apply", "--widen");
    if (code !== 0) throw new Error(text);
  };
  await using service = new Deployment(env);
  await apply(1);
  await service.start(releases[1], rolling.replicas);
  const load = new IngressLoad(service, rolling.perSecond);
  const steps = async () => {
    for (const release of [2, 1] as const) {
      await apply(release);
      await service.roll(releases[release]);
      progress(`release ${release} is deployed`);
    }
    await rolling.then?.();
  };
  await load.during(steps(), events);
  progress(`${load.accepted.length} events were accepted, ${load.errors.length} were not`);

  const nc = await connect({ servers: [...servers], maxReconnectAttempts: -1 });
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    await jsm.consumers.delete("PARCELS", "survey"); // its function is gone with release 2, and its events wait
    await waitUntilSettled(jsm, ["PARCELS", "RETRIES"]);
    await service.end();
    const stored = await storedNumbers(nc, "PARCELS", "parcels.sent");
    const effects = ledger.effects.filter(({ fn }) => (FUNCTIONS as readonly string[]).includes(fn));
    const seen = new Set(effects.map(({ fn, n }) => `${fn} ${n}`));
    const releaseOf = (release: 1 | 2) =>
      effects.filter(({ pid }) => service.releaseOf.get(pid) === releases[release]).length;
    return {
      accepted: load.accepted.length,
      errors: load.errors,
      lost: load.accepted.filter((n) => FUNCTIONS.some((fn) => !seen.has(`${fn} ${n}`))),
      repeated: repeatedIn(effects),
      storedTwice: stored.length - new Set(stored).size,
      deadLetters: (await jsm.streams.info("DEAD_LETTERS")).state.messages,
      effectsOf: { 1: releaseOf(1), 2: releaseOf(2) },
      exitCodes: service.exitCodes,
    };
  } finally {
    await nc.close();
  }
}

function repeatedIn(effects: readonly { readonly fn: string; readonly n: number }[]): number[] {
  const seen = new Set<string>();
  return effects.filter(({ fn, n }) => seen.size === seen.add(`${fn} ${n}`).size).map(({ n }) => n);
}
