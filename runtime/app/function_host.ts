import { getHeapStatistics } from "node:v8";
import type { CircuitBreaker } from "../engine/circuit_breaker.ts";
import type { DelayedEvents } from "../engine/delayed_events.ts";
import { DependencyBreakers } from "../engine/dependency_breakers.ts";
import { Dispatcher } from "../engine/dispatcher.ts";
import { PartitionRouter } from "../engine/partition_router.ts";
import { Pipeline } from "../engine/pipeline.ts";
import type { Ports } from "../engine/ports.ts";
import { NO_PREFETCH, prefetchLimit } from "../engine/prefetch.ts";
import type { ServerClock } from "../engine/clock.ts";
import { systemClock } from "../engine/system_clock.ts";
import { subjectOn } from "../nats/client/subject_prefixes.ts";
import { EXTEND_INTERVAL_MS } from "../nats/consume/ack_wait.ts";
import { Advisories } from "../nats/consume/advisories.ts";
import { PullConsumer } from "../nats/consume/pull_consumer.ts";
import { NatsSettler } from "../nats/consume/settle.ts";
import type { Unstored } from "../nats/consume/store_retrier.ts";
import { WatchedLeases } from "../nats/consume/watched_leases.ts";
import { DeadLetters } from "../nats/dead_letters/dead_letters.ts";
import { ParkedLetters } from "../nats/dead_letters/parked_letters.ts";
import { DeadLetterService } from "../nats/dead_letters/service.ts";
import { NatsBreakerStore } from "../nats/kv/nats_breaker_store.ts";
import { NatsIdempotencyStore } from "../nats/kv/nats_idempotency_store.ts";
import { NatsRateStore } from "../nats/kv/nats_rate_store.ts";
import { NatsKvStore } from "../nats/kv/nats_kv_store.ts";
import { NatsPartitionCounts } from "../nats/partitions/partition_counts.ts";
import { NatsPartitionStore } from "../nats/partitions/nats_partition_store.ts";
import { UnassignedEvents } from "../nats/partitions/unassigned_events.ts";
import { NatsAttemptStore } from "../nats/retry/nats_attempt_store.ts";
import { StoredDelayedEvents } from "../nats/retry/delayed_events.ts";
import { PendingEvents } from "../nats/retry/pending_events.ts";
import { hasDelayedRetry, RetryStream } from "../nats/retry/retry_stream.ts";
import { eventsAtOnce } from "../project/batch_policy.ts";
import type { Durable } from "../nats/topology/resources.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Logger } from "../telemetry/otel/logs/logger.ts";
import { TracedPublisher } from "../telemetry/traced_publisher.ts";
import { type Cluster, natsOptions } from "./cluster.ts";
import type { Config } from "./config.ts";
import { breakersOf, type Metering } from "./metering.ts";
import { type OrderParts, orderParts } from "./order_parts.ts";
import type { ResourceHost } from "./resource_host.ts";
import type { TopologyKeeper } from "./topology_keeper.ts";

/**
 * Greatest number of payload bytes that the functions of a process hold together: a quarter of the heap's limit. Each
 * payload takes a few times its size in memory: its bytes outside of the heap, its text and data inside.
 */
const HELD_BYTES = getHeapStatistics().heap_size_limit / 4;
const UNASSIGNED = "events cannot be assigned to partitions: they wait in their stream";

interface FunctionHostOptions {
  readonly config: Config;
  readonly functions: readonly ResolvedFunction[];
  /**
   * Every function of the project, also if this process does not run it. Each may declare the breaker policy of a
   * dependency.
   */
  readonly declared: readonly ResolvedFunction[];
  readonly cluster: Cluster;
  readonly topology: TopologyKeeper;
  readonly clock: ServerClock;
  readonly metering: Metering;
  readonly resources: ResourceHost;
  readonly log: Logger;
  readonly redact: (text: string) => string;
  /** Whether a thread keeps the leases while a handler blocks this one. */
  readonly watchdog: boolean;
}

/** The functions of a process: a dispatcher for each, and the stores that they share. */
export class FunctionHost {
  readonly dispatchers: readonly Dispatcher[];
  /** They assign the events of functions with partitions. */
  readonly routers: Dispatcher[] = [];
  readonly #orders: OrderParts[] = [];
  readonly #settler: NatsSettler;
  readonly #leases: WatchedLeases;

  /** Opens the stores. Nothing is pulled before {@linkcode start}. */
  static async open(options: FunctionHostOptions): Promise<FunctionHost> {
    const { cluster: { nc, jsm, names } } = options;
    const isDelayed: NatsAttemptStore["isDelayed"] = (name, delivery) => hasDelayedRetry(jsm, name, delivery, names);
    const attempts = await NatsAttemptStore.open(nc, replicasOfNewBuckets(options), isDelayed, names);
    const host = new FunctionHost(options, attempts);
    await Promise.all(breakersOf(host.dispatchers).map((breaker) => breaker.synced()));
    return host;
  }

  private constructor(readonly options: FunctionHostOptions, attempts: NatsAttemptStore) {
    const { functions, cluster: { nc, jsm, messages, monitor, names }, topology, log } = options;
    const retries = new RetryStream(messages, names);
    this.#settler = createSettler(options, attempts, retries);
    this.#leases = new WatchedLeases(functions, log, () => nc.flush());
    const breakers = new NatsBreakerStore(nc, replicasOfNewBuckets(options), names);
    this.dispatchers = this.#createDispatchers(createPorts(options, attempts, this.#settler, breakers));
    topology.onFound = ({ streams }) => breakers.found(streams.get(breakers.stream));
    monitor.onReconnect(() => breakers.changed());
    // An advisory means that another client has set `max_deliver` of a consumer. The check sets it back.
    const advisories = new Advisories(nc, jsm, topology.desired.durables, attempts, retries, log);
    advisories.listen(() => topology.requestCheck());
    topology.onRenewedStream((stream, beforeMs) => {
      for (const dispatcher of this.#all) dispatcher.forgetStream(stream, beforeMs);
    });
  }

  /** Number of deliveries that are being handled, or wait to be handled. */
  get inFlight(): number {
    return this.dispatchers.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  /** Returns what cannot be stored at the moment. Its events stay held until it is stored. */
  unstored(): Unstored[] {
    return this.#settler.unstored();
  }

  start(): void {
    const { config, watchdog } = this.options;
    this.#leases.start(watchdog ? { options: natsOptions(config), logFormat: config.LOG_FORMAT } : undefined);
    for (const order of this.#orders) order.start();
    for (const dispatcher of this.#all) dispatcher.start();
  }

  /** Stops pulling, waits up to `graceMs` for running handlers, and gives all other deliveries back. */
  async stop(graceMs: number): Promise<void> {
    const cancel = systemClock.timer(graceMs, () => this.#settler.giveUp());
    for (const order of this.#orders) order.stop();
    await Promise.all(this.#all.map((dispatcher) => dispatcher.stop(graceMs)));
    cancel();
    this.#settler.flush();
    await this.#leases.stop();
  }

  get #all(): Dispatcher[] {
    return [...this.routers, ...this.dispatchers];
  }

  #createDispatchers(ports: Ports): Dispatcher[] {
    const { functions, declared, cluster: { nc, monitor, names }, topology, metering, resources, clock } = this.options;
    const policies = Object.assign({}, ...declared.map(({ policy }) => policy.dependencies));
    const report = metering.observer.breakerChanged.bind(metering.observer);
    const breakers = new DependencyBreakers(policies, clock, report, ports.breakers);
    const requestCheck = () => topology.requestCheck();
    const maxMessage = nc.info?.max_payload ?? 0, share = HELD_BYTES / functions.length;
    return functions.map((fn) => {
      const durables = topology.desired.durables.filter(({ functionName }) => functionName === fn.name);
      const order = orderParts(fn, nc, durables, names), isOfPartition = (one: Durable) => one.partition !== undefined;
      const consumerOf = (durable: Durable) => {
        const { stream, consumer } = durable, pin = order?.pinOf(durable);
        return new PullConsumer(nc, stream, consumer, systemClock, requestCheck, monitor, names, pin);
      };
      const router = fn.policy.order?.partitions ? new PartitionRouter(fn, breakers, ports) : undefined;
      const consumers = (router ? durables.filter(isOfPartition) : durables).map(consumerOf);
      const gates = resources.gatesOf(fn), around = gates.map(({ middleware }) => middleware);
      const pipeline = new Pipeline(fn, breakers, ports, [...around, metering.attemptCounter(fn.name)]);
      order?.connect(pipeline, router);
      if (order) this.#orders.push(order);
      for (const gate of gates) pipeline.admission.add(gate);
      // A function does not pull while a consumer of it has a problem. With another ack policy, for example, the
      // consumer would lose what it delivers. `onChange` need not report the end of the problem: `PullConsumer` asks
      // again every second.
      const permits = () => topology.problem(fn.name) ? 0 : Infinity;
      const isAsDeclared = { permits, isOfProcess: true, admitsAgainAtMs: () => undefined, onChange: () => {} };
      for (const one of router ? [router, pipeline] : [pipeline]) one.admission.add(isAsDeclared);
      if (router) {
        const own = durables.filter((one) => !isOfPartition(one)).map(consumerOf);
        this.routers.push(new Dispatcher(router, own, EXTEND_INTERVAL_MS, this.#leases.leases));
      }
      const maxBytes = eventsAtOnce(fn.policy) * maxMessage <= share ? Infinity : share;
      const streams = Math.max(1, consumers.length - 1); // the last consumer is that of retries
      // A function with batches holds what one more batch takes, one with keys or `order` what waits for its turn. It
      // pulls nothing ahead of that.
      const limit = fn.policy.batch || fn.policy.shares || fn.policy.order
        ? NO_PREFETCH
        : prefetchLimit(fn.policy.concurrency, functions.length, streams, share);
      return new Dispatcher(pipeline, consumers, EXTEND_INTERVAL_MS, this.#leases.leases, maxBytes, limit);
    });
  }
}

function createSettler(
  { functions, cluster: { nc, jsm, names, monitor, messages, duplicates }, topology, clock, metering, log, redact }:
    FunctionHostOptions,
  attempts: NatsAttemptStore,
  retries: RetryStream,
): NatsSettler {
  return new NatsSettler({
    nc,
    monitor,
    deadLetters: metering.deadLetters(new DeadLetters(messages, duplicates, () => clock.serverNow(), names)),
    attempts,
    retries,
    jsm,
    clock,
    createdMs: (stream) => Date.parse(topology.created.get(stream) ?? ""),
    ordered: new Set(functions.filter(({ policy }) => policy.order).map(({ name }) => name)),
    onUnstored: ({ functionName, message, error }) => log.error(message, { function: functionName, error }),
    redact,
  });
}

function createPorts(
  options: FunctionHostOptions,
  attempts: NatsAttemptStore,
  settler: NatsSettler,
  breakers: NatsBreakerStore,
): Ports {
  const { cluster: { nc, jsm, names, messages, publisher }, clock, metering, topology, log } = options,
    replicas = replicasOfNewBuckets(options);
  const unassigned = new UnassignedEvents(clock, (name, error) => log.error(UNASSIGNED, { function: name, error }));
  return {
    clock,
    publisher: metering.publisher(publisher),
    settler,
    attempts,
    idempotency: new NatsIdempotencyStore(messages, jsm, replicas, (subject) => subjectOn(nc, subject), names),
    observer: metering.observer,
    kv: new NatsKvStore(nc, replicas, names),
    cancelled: topology.cancelled,
    delayed: delayedEvents(options),
    parked: new ParkedLetters(new DeadLetterService(options.cluster)),
    partitions: new NatsPartitionStore(messages, jsm, new NatsPartitionCounts(nc, jsm, names), names, unassigned),
    pending: new PendingEvents(jsm, messages, clock, names),
    rates: { store: new NatsRateStore(nc, replicas, names), reportProblem: (name, why) => logRate(log, name, why) },
    breakers: { store: breakers, reportProblem: (breaker, why) => logBreaker(log, breaker, why) },
  };
}

function delayedEvents({ cluster: { jsm, names, messages }, metering }: FunctionHostOptions): DelayedEvents {
  const stored = new StoredDelayedEvents(messages, jsm, names);
  return {
    publisher: metering.publisher(new TracedPublisher(stored.publisher)),
    cancel: (key, kept) => stored.cancel(key, kept),
  };
}

function logRate(log: Logger, name: string, problem: string | undefined): void {
  if (problem !== undefined) log.error("the rate of a function is not shared", { function: name, error: problem });
  else log.info("the rate of a function is shared again", { function: name });
}

function logBreaker(log: Logger, { of, name }: Pick<CircuitBreaker, "of" | "name">, problem: string | undefined): void {
  if (problem !== undefined) log.warn(`breaker of ${of} ${name} is not shared`, { [of]: name, error: problem });
  else log.info(`breaker of ${of} ${name} is shared again`, { [of]: name });
}

/** Returns undefined if this process may not create buckets. */
function replicasOfNewBuckets({ config, topology }: FunctionHostOptions): number | undefined {
  return topology.mayApply ? config.WEIR_REPLICAS ?? 1 : undefined;
}
