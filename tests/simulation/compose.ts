import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import type { AttemptStore } from "../../runtime/engine/attempt_store.ts";
import type { ServerClock } from "../../runtime/engine/clock.ts";
import type { Consumer } from "../../runtime/engine/consumer.ts";
import type { IdempotencyStore } from "../../runtime/engine/idempotency_store.ts";
import type { Leases } from "../../runtime/engine/leases.ts";
import type { OrderSource } from "../../runtime/engine/order_source.ts";
import type { Observer } from "../../runtime/engine/observer.ts";
import type { Publisher } from "../../runtime/engine/publisher.ts";
import type { ParkedEvents } from "../../runtime/engine/parked_events.ts";
import type { RateStore } from "../../runtime/engine/rate_store.ts";
import type { Settler } from "../../runtime/engine/settler.ts";
import { PartitionRouter } from "../../runtime/engine/partition_router.ts";
import type { PartitionStore } from "../../runtime/engine/partition_store.ts";
import { Dispatcher } from "../../runtime/engine/dispatcher.ts";
import { NatsAttemptStore } from "../../runtime/nats/retry/nats_attempt_store.ts";
import { DeadLetters } from "../../runtime/nats/dead_letters/dead_letters.ts";
import { EXTEND_INTERVAL_MS } from "../../runtime/nats/consume/ack_wait.ts";
import { EventPublisher, type MessageReader } from "../../runtime/nats/publish/event_publisher.ts";
import { NatsPartitionStore } from "../../runtime/nats/partitions/nats_partition_store.ts";
import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { RetryStream } from "../../runtime/nats/retry/retry_stream.ts";
import { NatsSettler } from "../../runtime/nats/consume/settle.ts";
import { MemoryKvStore } from "../../runtime/testing/memory_kv_store.ts";
import type { WeirEvent } from "../../runtime/core/event.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import type { Scope } from "../../runtime/nats/topology/step.ts";
import { Answered, Asked, AskedLate, orderKey } from "./events.ts";
import { SimParked } from "./sim_parked.ts";
import { SimPartitionCounts } from "./sim_partitions.ts";
import type { SimConnection } from "./sim_connection.ts";
import type { Settings } from "./settings.ts";

/** The name of the simulated function and of its consumers. */
export const FUNCTION = "sim";

/** Wraps parts of the runtime in faulty ones, for tests of the simulation. */
export interface PlantedBug {
  readonly publisher?: (part: Publisher) => Publisher;
  readonly deadLetters?: (part: DeadLetters) => DeadLetters;
  readonly attempts?: (part: AttemptStore) => AttemptStore;
  readonly settler?: (part: Settler) => Settler;
  /** The changes that a start of a replica makes. Default: `start`. */
  readonly scope?: Scope;
  readonly clock?: (part: ServerClock) => ServerClock;
  readonly delivery?: (delivery: Delivery) => Delivery;
  /** The pins of the consumers that a function's triggers are on. */
  readonly order?: (part: OrderSource) => OrderSource;
  /** The pins of a partition's consumers. */
  readonly partitionOrder?: (part: OrderSource) => OrderSource;
  readonly partitions?: (part: PartitionStore) => PartitionStore;
  readonly leases?: (part: Leases) => Leases;
  readonly rates?: (part: RateStore) => RateStore;
  readonly parked?: (part: ParkedEvents) => ParkedEvents;
  /** Takes no notice of the events of a batch that the handler fails. */
  readonly ignoresFailures?: true;
}

/** Receives the outcome of each delivery before it is settled. @param isRouted True for one that goes to a partition. */
export type OnDecided = (delivery: Delivery, outcome: Outcome, isRouted: boolean) => void;

/** The consumers of a function, and what it knows of their pins if it has `order`. */
export interface SimParts {
  readonly consumers: readonly Consumer[];
  readonly order: OrderSource | undefined;
  /** Those of each partition; empty without partitions. */
  readonly partitions: readonly { readonly consumers: readonly Consumer[]; readonly order: OrderSource }[];
}

/** The parts of a runtime that a schedule starts, stops and reconnects. */
export interface SimRuntime {
  /** That of the function, after the one of its router if it has partitions. */
  readonly dispatchers: readonly Dispatcher[];
  readonly settler: NatsSettler;
  /** Reports a reconnect to the settler. @param downMs how long the connection was down */
  readonly reconnected: (downMs: number) => void;
}

/**
 * Wires the parts of a runtime as `runtime/app/runtime.ts` does, with a simulated connection in place of NATS. Only
 * this function of the simulation knows how they are wired.
 */
export function compose(
  connection: SimConnection,
  hostClock: ServerClock,
  leases: Leases,
  fn: ResolvedFunction,
  { consumers, order, partitions }: SimParts,
  ahead: number,
  onDecided: OnDecided,
  bug: PlantedBug,
): SimRuntime {
  const { messages, kv, streams, duplicates } = connection;
  const wrap = <Part>(part: Part, faulty: ((part: Part) => Part) | undefined) => faulty ? faulty(part) : part;
  const clock = wrap(hostClock, bug.clock);
  const attempts = wrap<AttemptStore>(new NatsAttemptStore(kv, connection.isDelayed), bug.attempts);
  const deadLetters = wrap(new DeadLetters(messages, duplicates), bug.deadLetters);
  let reconnected: SimRuntime["reconnected"] = () => {};
  const settler = new NatsSettler({
    nc: connection.nc,
    monitor: { onReconnect: (listener) => void (reconnected = listener) },
    deadLetters,
    attempts,
    retries: new RetryStream(messages),
    jsm: { streams, consumers: { info: () => Promise.resolve({}) } } as unknown as NatsSettler["options"]["jsm"],
    clock,
    ordered: new Set(order ? [fn.name] : []),
    createdMs: (stream) => connection.network.createdMs(stream),
    atTickEnd: queueMicrotask, // the schedule moves the time as soon as nothing is left to do
  });
  const ports = {
    clock,
    publisher: wrap<Publisher>(
      new EventPublisher(messages, { streams } as unknown as MessageReader, duplicates),
      bug.publisher,
    ),
    settler: observed(wrap<Settler>(settler, bug.settler), false, onDecided),
    attempts,
    idempotency: NO_IDEMPOTENCY,
    observer: UNOBSERVED,
    kv: NO_BUCKETS,
    parked: wrap<ParkedEvents>(new SimParked(connection), bug.parked),
    rates: { store: wrap(connection.rates, bug.rates), reportProblem: () => {} },
    partitions: wrap<PartitionStore>(
      new NatsPartitionStore(messages, connection.direct, new SimPartitionCounts(connection), NO_NAMESPACE),
      bug.partitions,
    ),
  };
  const dependencies = new DependencyBreakers(fn.policy.dependencies, clock, () => {});
  const pipeline = new Pipeline(fn, dependencies, ports);
  const dispatcher = (pipeline: Pipeline, consumers: readonly Consumer[], ahead: number) => {
    const misread = consumers.map((consumer) => bug.delivery ? misreading(consumer, bug.delivery) : consumer);
    const limit = { deliveries: ahead, bytes: Infinity };
    return new Dispatcher(pipeline, misread, EXTEND_INTERVAL_MS, wrap(leases, bug.leases), Infinity, limit);
  };
  if (partitions.length === 0) {
    if (order) pipeline.order!.connect(wrap(order, bug.order));
    return { dispatchers: [dispatcher(pipeline, consumers, order ? 0 : ahead)], settler, reconnected };
  }
  const routed = { ...ports, settler: observed(wrap<Settler>(settler, bug.settler), true, onDecided) };
  const router = new PartitionRouter(fn, dependencies, routed);
  router.order!.connect(wrap(order!, bug.order));
  pipeline.partitioned!.connect(partitions.map(({ order }) => wrap(order, bug.partitionOrder)));
  const ofPartitions = partitions.flatMap(({ consumers }) => consumers);
  const dispatchers = [dispatcher(router, consumers, 0), dispatcher(pipeline, ofPartitions, 0)];
  return { dispatchers, settler, reconnected };
}

function observed(settler: Settler, isRouted: boolean, onDecided: OnDecided): Settler {
  return {
    settle(functionName, delivery, outcome, usedUp, claim) {
      onDecided(delivery, outcome, isRouted);
      return settler.settle(functionName, delivery, outcome, usedUp, claim);
    },
    extend: (delivery) => settler.extend(delivery),
  };
}

/** Changes each delivery of a consumer before it reaches the dispatcher. */
function misreading(consumer: Consumer, change: (delivery: Delivery) => Delivery): Consumer {
  return {
    start: (sink) =>
      consumer.start({
        credits: () => sink.credits(),
        ahead: (nowMs, most) => sink.ahead(nowMs, most),
        room: () => sink.room(),
        roomAhead: () => sink.roomAhead(),
        paused: () => sink.paused(),
        deliver: (delivery) => sink.deliver(change(delivery)),
      }),
    wake: () => consumer.wake(),
    stop: () => consumer.stop(),
    problem: () => consumer.problem(),
  };
}

const UNOBSERVED: Observer = {
  begin: (attempt) => void (attempt.startedAtMs = attempt.nowMs),
  end() {},
  breakerChanged() {},
};
const NO_BUCKETS = new MemoryKvStore();
const NO_IDEMPOTENCY: IdempotencyStore = {
  claim: () => Promise.reject(new Error("the simulated function has no idempotency")),
};
const policies = new Map<string, ResolvedFunction["policy"]>();

/** Returns the simulated function of a release. Policies are cached, since resolving one is slow. */
export function functionOf(
  settings: Settings,
  release: number,
  handler: ResolvedFunction["handler"],
): ResolvedFunction {
  const { attempts, concurrency, isKeyed, initialMs, breakerFailures, breakerOpenForMs, ordered } = settings;
  const { batchSize, rateLimit, ratePerMs, parks, blocks, partitions } = settings;
  const single = [attempts, concurrency, isKeyed, initialMs, breakerFailures, breakerOpenForMs, ordered];
  const key = [...single, batchSize, rateLimit, ratePerMs, parks, blocks, partitions].join();
  let policy = policies.get(key);
  if (!policy) {
    const resolved = resolvePolicy({
      on: Asked,
      retry: { attempts, initial: `${initialMs}ms`, max: "20s" },
      timeout: "60s",
      maxAge: "1h",
      concurrency: isKeyed ? { limit: concurrency, perKey: 1, by: () => "one" } : concurrency,
      breaker: { consecutiveFailures: breakerFailures, openFor: `${breakerOpenForMs}ms` },
      dependencies: { api: { consecutiveFailures: 1, openFor: "3s" } },
      ...(batchSize > 0 && { batch: { size: batchSize, maxWait: "500ms" } }),
      ...(rateLimit > 0 && { rate: { limit: rateLimit, per: ratePerMs } }),
      ...(ordered &&
        {
          order: {
            by: ({ data }: WeirEvent) => orderKey((data as { n: number }).n),
            onFailure: parks ? "park" : blocks ? "block" : "dead-letter",
            ...(partitions > 0 && { partitions }),
          },
        }),
    });
    if (!resolved.ok) throw new Error(resolved.problems.join("; "));
    policies.set(key, policy = resolved.policy);
  }
  const events = release === 1 ? [Asked] : [Asked, AskedLate];
  const triggers = events.map((event) => ({ pattern: event.type, stream: "SIM", event }));
  return { name: FUNCTION, file: `functions/${FUNCTION}.ts`, triggers, emits: [Answered], policy, handler };
}
