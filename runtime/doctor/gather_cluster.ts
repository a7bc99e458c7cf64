import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { changeWarnings } from "../app/change_warnings.ts";
import { natsOptions } from "../app/cluster.ts";
import type { Config } from "../app/config.ts";
import { desiredState } from "../app/desired_state.ts";
import { selectFunctions } from "../app/select_functions.ts";
import { connectNats } from "../nats/client/connection.ts";
import { type Namespace, NO_NAMESPACE } from "../core/namespace.ts";
import { planCluster } from "../nats/topology/plan_cluster.ts";
import { buildRegistry, type Registry } from "../project/registry.ts";
import { jetstreamManagerOn, subjectOn } from "../nats/client/subject_prefixes.ts";
import { isWebSocket } from "../nats/client/nats_options.ts";
import type { ClusterFacts, Connection, Known, ServerProbe, UserPermissions } from "./facts.ts";
import { addressesOf, probeServer } from "./probe_server.ts";
import { countDelayedRetries, readDeadLetters, readStreams } from "./read_jetstream.ts";
import { readOrigins } from "../nats/topology/foreign_stream.ts";
import { foreignStreamsOf, streamNamesOf } from "./project_streams.ts";

/** Milliseconds to wait for each reply of the server. */
const REPLY_TIMEOUT_MS = 2_000;
/** Servers that the cluster announces and doctor probes. Some may be unreachable from this host. */
const MAX_SERVERS = 16;
const TLS = /^(tls|wss):/;
/** The project if it cannot be loaded. Weir's own streams are read all the same. */
const NO_PROJECT: Registry = buildRegistry([], []);

/**
 * Connects and reads the cluster.
 *
 * @param project The project. Default: only Weir's own streams are read.
 * @param names The names in NATS. Default: without a namespace.
 */
export async function gatherCluster(
  config: Config,
  project: Registry | undefined,
  names: Namespace = NO_NAMESPACE,
): Promise<ClusterFacts> {
  // A websocket's port does not speak NATS by itself.
  const addresses = isWebSocket(config.NATS_URL) ? [] : addressesOf(config.NATS_URL);
  const servers = await Promise.all(addresses.map((address) => probeServer(address, true)));
  const silent = servers.length > 0 && servers.every(({ problem }) => problem !== undefined) &&
    !config.NATS_URL.some((url) => TLS.test(url));
  if (silent) {
    const problems = servers.map(({ address, problem }) => `${address}: ${problem}`).join("; ");
    return { ...unknownCluster(`cannot connect to NATS at ${problems}`), servers };
  }
  let nc: NatsConnection;
  try {
    nc = await connectNats(natsOptions(config));
  } catch (error) {
    return { ...unknownCluster((error as Error).message), servers };
  }
  try {
    return await read(nc, config, project, names, servers);
  } finally {
    await nc.close();
  }
}

/** Returns the facts of a cluster that could not be read: why there is no connection, and why the rest is unknown. */
export function unknownCluster(problem: string, unknown = "there is no connection to NATS"): ClusterFacts {
  const fact = { unknown };
  return {
    servers: [],
    connection: { unknown: problem },
    user: fact,
    account: fact,
    streams: fact,
    foreign: fact,
    consumers: fact,
    unreadable: [],
    unanswered: [],
    clock: fact,
    deadLetters: fact,
    delayedRetries: fact,
    changes: fact,
  };
}

async function read(
  nc: NatsConnection,
  config: Config,
  project: Registry | undefined,
  names: Namespace,
  configured: readonly ServerProbe[],
): Promise<ClusterFacts> {
  const jsm = await jetstreamManagerOn(nc, { timeout: REPLY_TIMEOUT_MS });
  const { user, clock } = await readUser(nc);
  const foreignNames = foreignStreamsOf(project ?? NO_PROJECT).map(({ name }) => name);
  const [servers, account, streams, deadLetters, delayedRetries, changes] = await Promise.all([
    probeAll(nc, configured),
    attempt(`the account (${subjectOn(nc, "$JS.API.INFO")})`, () => jsm.getAccountInfo()),
    readWithForeign(jsm, streamNamesOf(project ?? NO_PROJECT, names), foreignNames),
    attempt("dead letters", () => readDeadLetters(jsm, names)),
    attempt("delayed retries", () => countDelayedRetries(nc, jsm, project, names)),
    attempt("what waits", () => readChanges({ nc, jsm, names }, config, project)),
  ]);
  const connection = { value: connectionOf(nc, config) };
  return { servers, connection, user, account, clock, deadLetters, delayedRetries, changes, ...streams };
}

/** Reads what waits for the functions that this configuration runs, as `plan` does. */
async function readChanges(
  reader: Parameters<typeof changeWarnings>[0],
  config: Config,
  project: Registry | undefined,
): Promise<readonly string[]> {
  if (!project) throw new Error("the project cannot be loaded");
  const functions = selectFunctions(config, project), names = project.functions.map(({ name }) => name);
  const steps = await planCluster(reader.nc, reader.jsm, desiredState(config, project, functions), names);
  return await changeWarnings(reader, functions, steps);
}

/**
 * Reads the project's own streams and those of other owners. They are kept apart, since most rules are only for the
 * project's own.
 */
async function readWithForeign(
  jsm: JetStreamManager,
  names: readonly string[],
  foreignNames: readonly string[],
): Promise<Pick<ClusterFacts, "streams" | "foreign" | "consumers" | "unreadable" | "unanswered">> {
  const own = await readStreams(jsm, names);
  if (foreignNames.length === 0) return { ...own, foreign: { value: { streams: new Map(), origins: new Map() } } };
  const { streams, consumers, unreadable, unanswered } = await readStreams(jsm, foreignNames);
  const foreign = "unknown" in streams ? streams : {
    value: {
      streams: streams.value,
      origins: await readOrigins(jsm, [...streams.value.values()].map(({ config }) => config)),
    },
  };
  return {
    streams: own.streams,
    foreign,
    consumers: "value" in own.consumers && "value" in consumers
      ? { value: [...own.consumers.value, ...consumers.value] }
      : own.consumers,
    unreadable: [...own.unreadable, ...unreadable],
    unanswered: [...own.unanswered, ...unanswered],
  };
}

function connectionOf(nc: NatsConnection, config: Config): Connection {
  const { version, server_name: server, cluster, max_payload: maxPayload, tls_required } = nc.info!;
  const encrypted = tls_required === true || config.NATS_URL.every((url) => TLS.test(url)) ||
    config.NATS_TLS_CA !== undefined || config.NATS_TLS_CERT !== undefined;
  return { server: server || nc.getServer(), version, cluster, maxPayload, encrypted };
}

/** Reads the user's permissions and the server's time, which come in one reply. */
async function readUser(nc: NatsConnection): Promise<Pick<ClusterFacts, "user" | "clock">> {
  const before = Date.now();
  const reply = await attempt("the user's permissions ($SYS.REQ.USER.INFO)", async () => {
    const message = await nc.request("$SYS.REQ.USER.INFO", "", { timeout: REPLY_TIMEOUT_MS });
    return message.json<
      { server?: { time?: string }; data?: { user: string; permissions?: Omit<UserPermissions, "user"> } }
    >();
  });
  const after = Date.now();
  if ("unknown" in reply) return { user: reply, clock: reply };
  const { server, data } = reply.value, serverMs = Date.parse(server?.time ?? "");
  const aheadMs = Math.round(serverMs - (before + after) / 2), errorMs = Math.ceil((after - before) / 2);
  return {
    user: data
      ? { value: { user: data.user, ...data.permissions } }
      : { unknown: "the server does not report the user's permissions" },
    clock: Number.isNaN(serverMs)
      ? { unknown: "the server does not report its time" }
      : { value: { aheadMs, errorMs } },
  };
}

/** Probes the servers that the cluster announces. Returns each server once, the servers of `NATS_URL` first. */
async function probeAll(nc: NatsConnection, configured: readonly ServerProbe[]): Promise<readonly ServerProbe[]> {
  const known = new Set(configured.map(({ address }) => address));
  const announced = configured.length === 0
    ? []
    : (nc.info?.connect_urls ?? []).filter((address) => !known.has(address));
  const probes = await Promise.all(announced.slice(0, MAX_SERVERS).map((address) => probeServer(address, false)));
  const all = [...configured, ...probes], ids = all.map(({ info }) => info?.server_id);
  return all.filter((_, i) => ids[i] === undefined || ids.indexOf(ids[i]) === i);
}

/** Returns a value, or the reason why it is unknown. @param what The value's name, for the reason. */
async function attempt<Value>(what: string, read: () => Promise<Value>): Promise<Known<Value>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { unknown: `${what}: ${(error as Error).message}` };
  }
}
