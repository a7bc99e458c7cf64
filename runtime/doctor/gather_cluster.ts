import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Registry } from "../project/registry.ts";
import { natsOptions } from "../app/cluster.ts";
import type { Config } from "../app/config.ts";
import { resourcesOf } from "../app/resources.ts";
import { combine, streamNames } from "../nats/topology/resources.ts";
import { connectNats } from "../nats/client/connection.ts";
import { RETRIES } from "../nats/retry/retry_stream.ts";
import { SubjectCounts } from "../nats/inspect/count_messages.ts";
import type { Connection, Facts, Greeting, Known } from "./facts.ts";
import { addressesOf, greet } from "./probe_server.ts";
import type { UserPermissions } from "./permissions.ts";
import { readLetters } from "./read_dead_letters.ts";
import { readStreams } from "./read_streams.ts";
import { JETSTREAM_CODES } from "../nats/client/error_codes.ts";
import { unlessMissing } from "../nats/topology/find.ts";

/** What is known of the cluster. */
type ClusterFacts = Pick<
  Facts,
  | "servers"
  | "connection"
  | "user"
  | "account"
  | "streams"
  | "consumers"
  | "unread"
  | "clock"
  | "deadLetters"
  | "delayedRetries"
>;

const ANSWER_MS = 2_000;
/** A cluster may name servers that cannot be reached from here: so many are tried. */
const MOST_SERVERS = 16;
const TLS = /^tls:/;
/** Stands for a project that cannot be loaded: Weir's own streams are examined all the same. */
const NO_PROJECT: Registry = { functions: [], events: new Map(), streams: [], warnings: [], healthChecks: [] };

/** Connects and looks. @param project undefined where it cannot be loaded: Weir's own streams are looked at all the same */
export async function gatherCluster(config: Config, project: Registry | undefined): Promise<ClusterFacts> {
  const servers = await Promise.all(addressesOf(config.NATS_URL).map((address) => greet(address, true)));
  const silent = servers.every(({ problem }) => problem !== undefined) && !config.NATS_URL.some((url) => TLS.test(url));
  if (silent) {
    const said = servers.map(({ address, problem }) => `${address}: ${problem}`).join("; ");
    return { ...unknownCluster(`cannot connect to NATS at ${said}`), servers };
  }
  let nc: NatsConnection;
  try {
    nc = await connectNats(natsOptions(config));
  } catch (error) {
    return { ...unknownCluster((error as Error).message), servers };
  }
  try {
    return await look(nc, config, project, servers);
  } finally {
    await nc.close();
  }
}

/** Nothing is known. @param problem why there is no connection @param unknown what the other checks say of that */
export function unknownCluster(problem: string, unknown = "there is no connection to NATS"): ClusterFacts {
  const not = { unknown };
  return {
    servers: [],
    connection: { unknown: problem },
    user: not,
    account: not,
    streams: not,
    consumers: not,
    unread: [],
    clock: not,
    deadLetters: not,
    delayedRetries: not,
  };
}

async function look(
  nc: NatsConnection,
  config: Config,
  project: Registry | undefined,
  configured: readonly Greeting[],
): Promise<ClusterFacts> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: ANSWER_MS });
  const { user, clock } = await askUser(nc);
  const names = streamNames(combine(resourcesOf(project ?? NO_PROJECT)));
  const [servers, account, read, deadLetters, delayedRetries] = await Promise.all([
    allServers(nc, configured),
    tried("the account ($JS.API.INFO)", () => jsm.getAccountInfo()),
    readStreams(jsm, names),
    tried("dead letters", () => readLetters(jsm)),
    tried("delayed retries", () => countDelayedRetries(nc, jsm, project)),
  ]);
  return {
    servers,
    connection: { value: connectionOf(nc, config) },
    user,
    account,
    clock,
    deadLetters,
    delayedRetries,
    ...read,
  };
}

function connectionOf(nc: NatsConnection, config: Config): Connection {
  const { version, server_name: server, cluster, max_payload: maxPayload, tls_required } = nc.info!;
  const encrypted = tls_required === true || config.NATS_URL.every((url) => TLS.test(url)) ||
    config.NATS_TLS_CA !== undefined || config.NATS_TLS_CERT !== undefined;
  return { server: server || nc.getServer(), version, cluster, maxPayload, encrypted };
}

/** One answer tells what the user may do, and what time it is there. */
async function askUser(nc: NatsConnection): Promise<Pick<Facts, "user" | "clock">> {
  const before = Date.now();
  const answer = await tried("the user's permissions ($SYS.REQ.USER.INFO)", async () => {
    const reply = await nc.request("$SYS.REQ.USER.INFO", "", { timeout: ANSWER_MS });
    return reply.json<
      { server?: { time?: string }; data?: { user: string; permissions?: Omit<UserPermissions, "user"> } }
    >();
  });
  const after = Date.now();
  if ("unknown" in answer) return { user: answer, clock: answer };
  const { server, data } = answer.value, serverMs = Date.parse(server?.time ?? "");
  const silent = (what: string) => ({ unknown: `the server does not tell ${what}` });
  return {
    user: data ? { value: { user: data.user, ...data.permissions } } : silent("what the user may do"),
    clock: Number.isNaN(serverMs)
      ? silent("its time")
      : { value: { aheadMs: Math.round(serverMs - (before + after) / 2), withinMs: Math.ceil((after - before) / 2) } },
  };
}

/** Those of `NATS_URL`, and those that the cluster tells of. */
async function allServers(nc: NatsConnection, configured: readonly Greeting[]): Promise<readonly Greeting[]> {
  const more = (nc.info?.connect_urls ?? []).filter((address) => !configured.some((one) => one.address === address));
  const greetings = await Promise.all(more.slice(0, MOST_SERVERS).map((address) => greet(address, false)));
  const seen = new Set<string>();
  return [...configured, ...greetings].filter(({ info }) => {
    const id = info?.server_id;
    if (id === undefined) return true;
    const first = !seen.has(id);
    seen.add(id);
    return first;
  });
}

async function countDelayedRetries(
  nc: NatsConnection,
  jsm: JetStreamManager,
  project: Registry | undefined,
): Promise<ReadonlyMap<string, number>> {
  const counts = new SubjectCounts(nc, jsm, RETRIES.stream, RETRIES.delayed);
  const counted = counts.of((project?.functions ?? []).map(({ name }) => name));
  return await unlessMissing(counted, JETSTREAM_CODES.streamNotFound) ?? new Map();
}

/** What came of asking. @param what for the reason why it is not known */
async function tried<Value>(what: string, ask: () => Promise<Value>): Promise<Known<Value>> {
  try {
    return { value: await ask() };
  } catch (error) {
    return { unknown: `${what}: ${(error as Error).message}` };
  }
}
