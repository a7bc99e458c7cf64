import type { EventDefinition } from "../api/define_event.ts";
import type { ResourceDefinition } from "../api/define_resource.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { Health } from "../http/health.ts";
import type { Listener } from "../http/listen.ts";
import { ServerTime } from "../nats/client/server_time.ts";
import { PassedEvents } from "../nats/consume/passed_events.ts";
import { durablesOf } from "../nats/consume/resources.ts";
import { LagReader } from "../nats/inspect/consumer_lag.ts";
import { TailServer } from "../nats/inspect/tail_server.ts";
import { Ticker } from "../nats/schedule/ticker.ts";
import { RetryStream } from "../nats/retry/retry_stream.ts";
import { type Registry, subjectsOf } from "../project/registry.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { TelemetryObserver } from "../telemetry/observer.ts";
import type { Logger } from "../telemetry/otel/logs/logger.ts";
import type { Redact } from "../telemetry/otel/logs/redact.ts";
import { OutcomeEmitter } from "../telemetry/outcome_emitter.ts";
import { createAuthentication } from "./authentication.ts";
import { type Cluster, connectCluster } from "./cluster.ts";
import type { Config } from "./config.ts";
import { desiredState } from "./desired_state.ts";
import { FunctionHost } from "./function_host.ts";
import { openAdminListener, openPublicListener } from "./listeners.ts";
import { Metering } from "./metering.ts";
import { createProgress } from "./progress.ts";
import { readiness } from "./readiness.ts";
import { ResourceHost } from "./resource_host.ts";
import { credentialsListener, reloadCredentials } from "./reload_credentials.ts";
import { selectFunctions } from "./select_functions.ts";
import { startAll, startService } from "./service.ts";
import { type MayApply, TopologyKeeper } from "./topology_keeper.ts";
import { isTimeout, untilStopped, waitForNats } from "./wait_for_nats.ts";

/** A running process: it listens, and pulls for each of its functions. */
export interface Runtime {
  /** Address of the public listener, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly adminUrl: string;
  /** Number of deliveries that are being handled, or wait for it. */
  readonly inFlight: number;
  /**
   * Reads the credentials of NATS, the API keys and the secrets of webhooks once more, as after a rotation. Problems are
   * logged, and the previous ones stay in use.
   */
  reload(): Promise<void>;
  /**
   * Stops without losing an event. The process is no longer ready, takes no more requests and pulls no more; running
   * handlers have `SHUTDOWN_GRACE` to finish, all other deliveries are given back, and the connection is drained. A
   * second call waits for the first.
   */
  stop(): Promise<void>;
}

/** Time that open requests on the admin listener have to end, in milliseconds. */
const ADMIN_STOP_MS = 2_000;

interface RuntimeOptions {
  /** Metrics to record into. The caller shuts them down. Default: metrics that are not exported. */
  readonly metrics?: Metrics;
  /** Emits the outcome of each attempt. Default: without a listener. */
  readonly outcomes?: OutcomeEmitter;
  /** Shares the public port with other processes. @default {false} */
  readonly sharesPort?: boolean;
  /** Allows the process to create and change streams, consumers and buckets. @default {true} */
  readonly apply?: MayApply;
  /** Time that NATS has to answer a start, in milliseconds. @default {60000} */
  readonly waitMs?: number;
  /** Keeps the leases of deliveries while a handler blocks the thread, from a thread of its own. @default {true} */
  readonly watchdog?: boolean;
  /** Reads the configuration again, for rotated credentials. @default from the environment */
  readonly readConfig?: () => Config;
  /** Aborts when the process stops. An unfinished start then throws before it listens or pulls. Default: never. */
  readonly signal?: AbortSignal;
  /**
   * Set if `dev` runs the process, with the address of its public listener: the console then keeps the journeys of
   * events. Default: it runs by itself.
   */
  readonly dev?: { readonly url?: string };
  /** Returns sample data of an event, for the console. Default: it shows none. */
  readonly sample?: (event: EventDefinition, seed: number) => Promise<unknown>;
  /** Values that replace resources in a test. Default: none. */
  readonly fakes?: ReadonlyMap<ResourceDefinition, unknown>;
}

/**
 * Starts everything that a project declares, on the NATS of its configuration. Services are started from the bottom up,
 * and one stack stops them in reverse.
 *
 * @throws {StartupProblems} naming every problem of the topology, or every resource that could not be opened
 * @throws {Error} naming what cannot be reached or opened; nothing is left running
 */
export async function startRuntime(
  config: Config,
  registry: Registry,
  log: Logger,
  options: RuntimeOptions = {},
): Promise<Runtime> {
  const onStopError = (error: unknown) =>
    log.warn("after a failed start, a part of it could not be stopped", { error });
  return await startAll((stack) => startOn(stack, config, registry, log, options), onStopError);
}

/** Starts the services of a process, each after those that it uses, and puts the stop of each on the stack. */
async function startOn(
  stack: AsyncDisposableStack,
  config: Config,
  registry: Registry,
  log: Logger,
  { metrics = new Metrics(config.OTEL_SERVICE_NAME), outcomes = new OutcomeEmitter(), ...options }: RuntimeOptions,
): Promise<Runtime> {
  const functions = selectFunctions(config, registry), redact: Redact = log.options.redact ?? ((text) => text);
  const observer = new TelemetryObserver(log);
  const metering = await startService(stack, new Metering(metrics, observer, outcomes, config.WEIR_ROLES));
  // Before NATS: a start that lacks a resource must change no stream and no consumer.
  const resources = new ResourceHost({ ...options, registry, functions, clock: systemClock, log });
  await startService(stack, resources);
  const wait = waitForNats(log, options);
  const listener = credentialsListener(log, redact);
  const connect = () => untilStopped(connectCluster(config, registry, listener), options.signal);
  const cluster = stack.adopt(await wait("a connection", connect, isTimeout), ({ close }) => close());
  const { nc, jsm, names, monitor } = cluster, { functions: declared } = registry;
  const passed = new PassedEvents(jsm, new RetryStream(cluster.messages, names), log, systemClock);
  const desired = desiredState(config, registry, functions);
  const topology = new TopologyKeeper(jsm, desired, options.apply ?? true, log, passed);
  const start = () => wait("streams and consumers", () => topology.start());
  await startService(stack, { start, stop: () => topology.stop() });
  if (topology.begun.length > 0) {
    const { logNewFunctions } = await import("./change_warnings.ts"); // loaded here: most starts create no consumer
    await logNewFunctions(cluster, registry, topology, log);
  }
  const clock = new ServerTime(jsm, names.retries.stream, systemClock);
  monitor.onReconnect(() => void clock.read());
  if (functions.length > 0) await startService(stack, createTailServer(cluster, registry, outcomes, log, redact));
  const parts = { config, functions, cluster, topology, clock, metering, resources, log, redact, declared };
  const open = () => FunctionHost.open({ ...parts, watchdog: options.watchdog ?? true });
  const [host] = await Promise.all([wait("the bucket of attempts", open), startService(stack, clock)]);
  // The lag of every declared function: if no process runs a function, other processes still report what waits for it.
  const lag = new LagReader(nc, jsm, durablesOf(declared, names), systemClock, names);
  metering.measure(monitor, clock, host.dispatchers, lag);

  const state: RuntimeState = { stopping: undefined, publicListener: undefined };
  logConnection(cluster, state, log);
  const health = healthOf(state, registry, cluster, host, resources);
  const authentication = stack.adopt(await createAuthentication(config, registry, log, redact), (one) => one.stop());
  const served = { ...options, ...parts, registry, authentication, health, outcomes, state };
  const progress = await createProgress(served);
  options.signal?.throwIfAborted(); // nothing below waits for I/O
  const admin = stack.adopt(openAdminListener(served, host, lag), (listener) => listener.stop(ADMIN_STOP_MS));
  await startService(stack, monitor);
  const ingress = state.publicListener = openPublicListener({ ...served, progress });
  const isPaused = (name: string) => topology.pauses.has(name);
  await startService(stack, new Ticker({ functions, jsm, messages: cluster.messages, names, clock, log, isPaused }));
  await startService(stack, { start: () => host.start(), stop: () => stopWork(ingress, host, config.SHUTDOWN_GRACE) });
  return {
    url: ingress.url,
    adminUrl: admin.url,
    get inFlight() {
      return host.inFlight;
    },
    reload: () => reloadCredentials({ cluster, ...authentication, log, redact, readConfig: options.readConfig }),
    stop: () => state.stopping ??= stack.disposeAsync(),
  };
}

function healthOf(
  state: RuntimeState,
  { healthChecks }: Registry,
  { monitor, messages }: Cluster,
  host: FunctionHost,
  resources: ResourceHost,
): Health {
  const { dispatchers, routers, options: { topology, redact } } = host;
  return readiness({
    stopping: () => state.stopping !== undefined,
    nats: () => monitor.problem() ?? messages.outage()?.message,
    ingress: () => state.publicListener ? state.publicListener.problem() : "not listening yet",
    dispatchers,
    routers,
    topology,
    unstored: () => host.unstored(),
    projectChecks: [...healthChecks, ...resources.checks],
    redact,
  });
}

interface RuntimeState {
  stopping: Promise<void> | undefined;
  publicListener: Listener | undefined;
}

/** Stops the listener and the functions at once. The grace is for pending requests and for running handlers. */
async function stopWork(listener: Listener, host: FunctionHost, graceMs: number): Promise<void> {
  await Promise.all([listener.stop(graceMs), host.stop(graceMs)]);
}

function createTailServer(
  { nc, names, monitor }: Cluster,
  registry: Registry,
  outcomes: OutcomeEmitter,
  log: Logger,
  redact: (text: string) => string,
): TailServer {
  const processName = `${Deno.pid}-${crypto.randomUUID().slice(0, 4)}`;
  return new TailServer(
    nc,
    monitor,
    outcomes,
    systemClock,
    log,
    redact,
    processName,
    subjectsOf(registry).map((subject) => names.subject(subject)),
    names,
  );
}

function logConnection({ nc, monitor }: Cluster, state: RuntimeState, log: Logger): void {
  monitor.onDisconnect((server) => {
    if (!state.stopping) log.warn("disconnected from NATS: reconnecting", { server });
  });
  monitor.onUnreachable((reason) => {
    if (!state.stopping) log.error("cannot reconnect to NATS: will retry", { reason });
  });
  monitor.onReconnect(() => log.info("reconnected to NATS", { server: nc.getServer() }));
}
