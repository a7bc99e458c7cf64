import type { Registry } from "../project/registry.ts";
import { steadyClock, systemClock } from "../engine/system_clock.ts";
import { connectCluster, natsOptions } from "./cluster.ts";
import type { Config } from "./config.ts";
import { DeadLetterService } from "../nats/dead_letters/service.ts";
import { DependencyBreakers } from "../engine/dependency_breakers.ts";
import { Pipeline } from "../engine/pipeline.ts";
import { Dispatcher } from "../engine/dispatcher.ts";
import { functionStatus } from "./function_status.ts";
import { deadLetterRoutes } from "../http/admin/dead_letter_routes.ts";
import { functionRoutes } from "../http/admin/function_routes.ts";
import { metricsRoutes } from "../http/admin/metrics_routes.ts";
import { retryRoutes } from "../http/admin/retry_routes.ts";
import { ApiKeys } from "../http/api_keys.ts";
import { healthRoutes } from "../http/health.ts";
import { ingressRoutes } from "../http/ingress.ts";
import { listen, type Listener } from "../http/listen.ts";
import { router } from "../http/router.ts";
import { Metering } from "./metering.ts";
import { EXTEND_INTERVAL_MS } from "../nats/consume/ack_wait.ts";
import { Advisories } from "../nats/consume/advisories.ts";
import { AckFloors } from "../nats/consume/ack_floors.ts";
import { NatsAttemptStore } from "../nats/retry/attempt_store.ts";
import { DeadLetters } from "../nats/dead_letters/dead_letters.ts";
import { NatsIdempotencyStore } from "../nats/kv/idempotency_store.ts";
import { NatsKvStore } from "../nats/kv/kv_store.ts";
import { LagReader } from "../nats/inspect/consumer_lag.ts";
import { WatchedLeases } from "../nats/consume/watched_leases.ts";
import { PullConsumer } from "../nats/consume/pull_consumer.ts";
import { Reconciler } from "../nats/topology/reconcile.ts";
import { RETRIES, RetryStream, retrySubject } from "../nats/retry/retry_stream.ts";
import { NatsSettler } from "../nats/consume/settle.ts";
import type { Durable } from "../nats/topology/resources.ts";
import { TailServer } from "../nats/inspect/tail_server.ts";
import { ensureTopology, requireTopology } from "../nats/topology/ensure_topology.ts";
import { RetryService } from "../nats/retry/service.ts";
import { adminProblems, publicProblems } from "./problems.ts";
import { readiness } from "./readiness.ts";
import type { Logger } from "../telemetry/otel/logs/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { TelemetryObserver } from "../telemetry/observer.ts";
import { OutcomeEmitter } from "../telemetry/outcome_emitter.ts";
import { desiredState, selectFunctions } from "./desired_state.ts";

/** A runtime that is up: listening, and pulling for every function. */
export interface Runtime {
  /** Where the public listener is, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly adminUrl: string;
  /** Deliveries in handlers, or waiting for one. */
  readonly inFlight: number;
  /**
   * Stops without losing anything: not ready, no more requests, no more pulling, what runs may finish for
   * `SHUTDOWN_GRACE`, the rest is given back, the connection drained. A second call waits for the first.
   */
  stop(): Promise<void>;
}

const ADMIN_STOP_MS = 2_000;
/** An event's headers share the server's limit with its data: this much is kept for them. */
const HEADER_BYTES = 4_096;

/** What {@linkcode startRuntime} may be given besides. */
interface RuntimeOptions {
  /** To be shut down by whoever made them. Default: some that nobody reads. */
  readonly metrics?: Metrics;
  /** Who wants to know what came of each delivery. */
  readonly outcomes?: OutcomeEmitter;
  /** Other processes share the public listener, and somebody else is asked for all of them. */
  readonly oneOfSeveral?: boolean;
  /** Whether it may make and change streams, consumers and buckets. Default: true. */
  readonly apply?: boolean;
}

/**
 * Starts everything a project declares, on the NATS of its configuration.
 *
 * @throws {StartupProblems} or {Error} saying what is wrong, with nothing left running.
 */
export async function startRuntime(
  config: Config,
  registry: Registry,
  log: Logger,
  options: RuntimeOptions = {},
): Promise<Runtime> {
  const { metrics = new Metrics(config.OTEL_SERVICE_NAME), outcomes = new OutcomeEmitter(), oneOfSeveral = false } =
    options;
  const { apply = true } = options;
  const functions = selectFunctions(config, registry);
  const cluster = await connectCluster(config);
  const undo: (() => Promise<void>)[] = [cluster.close];
  try {
    const { nc, jsm, monitor, messages, duplicates } = cluster;
    const redact = log.options.redact ?? ((text: string) => text);
    const metering = new Metering(metrics, new TelemetryObserver(log), outcomes), { observer } = metering;
    undo.push(() => Promise.resolve(metering.stop()));
    const [publisher, hurriedPublisher] = metering.publishers(cluster.publisher, cluster.failFastPublisher);
    const floorOf = (durable: Durable) => floors.of(durable);
    const wanted = { ...desiredState(config, registry, functions), floorOf }, { durables } = wanted;
    const floors = new AckFloors(jsm, durables, systemClock);
    const replicas = config.WEIR_REPLICAS;
    const applyTopology = async (partly: boolean) => {
      if (!apply) return await requireTopology(jsm, wanted);
      const made = await ensureTopology(jsm, wanted, partly);
      for (const { functionName, stream, waiting } of made) {
        if (waiting === 0) continue;
        log.info(`new consumer: it begins with ${waiting} stored events`, { function: functionName, stream });
      }
    };
    await applyTopology(false);
    // Before anything is handled, so that whoever looks has asked by then.
    const process = `${Deno.pid}-${crypto.randomUUID().slice(0, 4)}`;
    const subjects = registry.streams.flatMap((stream) => stream.subjects);
    const tails = new TailServer(nc, outcomes, steadyClock, log, redact, process, subjects);
    undo.push(() => Promise.resolve(tails.stop()));
    if (functions.length > 0) tails.start();
    await floors.read();
    const repair = new Reconciler(
      () => applyTopology(true),
      systemClock,
      (error) => {
        if (error === undefined) apply && log.error("streams or consumers were not as declared: made so again");
        else if (apply) log.warn("streams or consumers are not as declared, and cannot be made so yet", { error });
        else log.error("streams or consumers are not as declared, and this process may not make them so", { error });
      },
    );

    const newReplicas = apply ? replicas ?? 1 : undefined;
    const idempotency = new NatsIdempotencyStore(messages, jsm, newReplicas);
    const attempts = await NatsAttemptStore.open(nc, newReplicas, async (name, delivery) => {
      const last_by_subj = retrySubject(name, delivery);
      return await jsm.streams.getMessage(RETRIES.stream, { last_by_subj }) !== null;
    });
    const retries = new RetryStream(messages);
    const settler = new NatsSettler({
      nc,
      monitor,
      deadLetters: metering.deadLetters(new DeadLetters(messages, duplicates)),
      attempts,
      retries,
      jsm,
      clock: systemClock,
      stuck: (name, what, error) =>
        log.error(`${what} cannot be stored: the event is held until it can`, { function: name, error }),
      redact,
    });
    const kv = new NatsKvStore(nc, newReplicas);
    const ports = { clock: systemClock, publisher, settler, attempts, idempotency, observer, kv };
    const policies = Object.assign({}, ...registry.functions.map(({ policy }) => policy.dependencies));
    const dependencies = new DependencyBreakers(policies, systemClock, (change) => observer.breakerChanged(change));
    const watched = new WatchedLeases(functions, log);
    undo.push(() => watched.stop());
    const workers = functions.map((fn) => {
      const own = durables.filter(({ functionName }) => functionName === fn.name)
        .map(({ stream }) => new PullConsumer(nc, stream, fn.name, steadyClock, () => repair.ask(), monitor));
      return new Dispatcher(
        new Pipeline(fn, dependencies, ports, [metering.attemptCounter(fn.name)]),
        own,
        EXTEND_INTERVAL_MS,
        watched.leases,
      );
    });

    // A repair takes the limit away again.
    new Advisories(nc, jsm, durables, attempts, retries, log).listen(() => repair.ask());

    const lag = new LagReader(nc, jsm, durables, systemClock);
    const countReconnect = metering.connection(() => monitor.problem());
    metering.functions(workers);
    metering.lag(lag);
    const requests = metering.requests();

    let stopping: Promise<void> | undefined;
    monitor.onDisconnect((server) => {
      if (!stopping) log.warn("disconnected from NATS: reconnecting", { server });
    });
    monitor.onReconnect(() => {
      countReconnect();
      log.info("reconnected to NATS", { server: nc.getServer() });
    });

    const listeners: Listener[] = [];
    const health = readiness({
      stopping: () => stopping !== undefined,
      nats: () => monitor.problem() ?? messages.outage()?.message,
      ingress: () => listeners[0],
      workers,
      own: registry.healthChecks,
    });
    undo.push(async () => void await Promise.all(listeners.map((listener) => listener.stop(0))));
    const open = config.WEIR_ROLES.includes("ingress"), problemOf = publicProblems(log);
    const publicRoutes = [
      ...healthRoutes(health),
      ...ingressRoutes({
        events: open ? registry.events : new Map(),
        publisher: hurriedPublisher,
        keys: new ApiKeys(config.WEIR_API_KEYS ?? "none"),
        clock: steadyClock,
        maxBytes: nc.info!.max_payload - HEADER_BYTES,
        outage: () => messages.outage(),
        problemOf,
      }),
    ];
    const publicHandler = router(publicRoutes, { meter: requests.ingress, problemOf });
    const publicListener = listen(config.HOST, config.PORT, "PORT", publicHandler, oneOfSeveral);
    listeners.push(publicListener);
    const adminRoutes = [
      ...healthRoutes(health),
      ...metricsRoutes(() => metrics.page()),
      ...functionRoutes(async () =>
        functionStatus(functions, await lag.read(0), workers, (name) => metering.lastError(name), redact)
      ),
      ...deadLetterRoutes(new DeadLetterService(cluster)),
      ...retryRoutes(new RetryService(cluster)),
    ];
    const adminHandler = router(adminRoutes, {
      problemOf: adminProblems(() => monitor.problem()),
      meter: oneOfSeveral ? undefined : requests.admin, // the supervisor records the requests that it forwards
    });
    const adminListener = listen(config.ADMIN_HOST, config.ADMIN_PORT, "ADMIN_PORT", adminHandler);
    listeners.push(adminListener);
    monitor.start();
    watched.start(natsOptions(config));
    for (const worker of workers) worker.start();
    floors.start();

    return {
      url: publicListener.url,
      adminUrl: adminListener.url,
      get inFlight() {
        return workers.reduce((sum, worker) => sum + worker.inFlight, 0);
      },
      stop: () =>
        stopping ??= (async () => {
          const cancel = systemClock.timer(config.SHUTDOWN_GRACE, () => settler.giveUp());
          await Promise.all([
            publicListener.stop(config.SHUTDOWN_GRACE),
            ...workers.map((worker) => worker.stop(config.SHUTDOWN_GRACE)),
          ]);
          cancel();
          await watched.stop();
          floors.stop();
          monitor.stop();
          await repair.stop();
          await adminListener.stop(ADMIN_STOP_MS);
          tails.stop();
          await cluster.close();
          metering.stop();
        })(),
    };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}
