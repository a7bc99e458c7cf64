import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import type { AttemptStore } from "../../runtime/engine/attempt_store.ts";
import type { Clock } from "../../runtime/engine/clock.ts";
import type { Consumer } from "../../runtime/engine/consumer.ts";
import type { IdempotencyStore } from "../../runtime/engine/idempotency_store.ts";
import type { Leases } from "../../runtime/engine/leases.ts";
import type { Observer } from "../../runtime/engine/observer.ts";
import type { Publisher } from "../../runtime/engine/publisher.ts";
import type { Settler } from "../../runtime/engine/settler.ts";
import { Dispatcher } from "../../runtime/engine/dispatcher.ts";
import { NatsAttemptStore } from "../../runtime/nats/retry/attempt_store.ts";
import { DeadLetters } from "../../runtime/nats/dead_letters/dead_letters.ts";
import { EXTEND_INTERVAL_MS } from "../../runtime/nats/consume/ack_wait.ts";
import { EventPublisher, type MessageReader } from "../../runtime/nats/publish/event_publisher.ts";
import type { Remover } from "../../runtime/nats/dead_letters/redrive.ts";
import { RetryStream } from "../../runtime/nats/retry/retry_stream.ts";
import { NatsSettler } from "../../runtime/nats/consume/settle.ts";
import { MemoryKvStore } from "../../runtime/testing/memory_kv.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { Answered, Asked } from "./events.ts";
import type { Link } from "./link.ts";
import type { Settings } from "./settings.ts";

/** The function under simulation, and its consumers' name. */
export const FUNCTION = "sim";

/** Parts of the runtime that a test puts wrong ones in place of. */
export interface Plant {
  readonly publisher?: (right: Publisher) => Publisher;
  readonly deadLetters?: (right: DeadLetters) => DeadLetters;
  readonly attempts?: (right: AttemptStore) => AttemptStore;
  readonly settler?: (right: Settler) => Settler;
}

/** Is told what is to be done with each delivery, before it is done. */
export type Decided = (delivery: Delivery, outcome: Outcome) => void;

/** What a runtime consists of, as far as it is simulated. */
export interface Composed {
  readonly dispatcher: Dispatcher;
  readonly settler: NatsSettler;
  /** Tells the parts of a reconnect. @param downMs how long the connection was down */
  readonly reconnected: (downMs: number) => void;
}

/**
 * Puts the true parts together as `runtime.ts` does, with a link to the model where that has a connection to NATS.
 * This is the one place that knows how they fit.
 */
export function compose(
  link: Link,
  clock: Clock,
  fn: ResolvedFunction,
  sources: readonly Consumer[],
  decided: Decided,
  plant: Plant,
): Composed {
  const { messages, kv, streams, duplicates } = link;
  const as = <Part>(right: Part, wrong: ((right: Part) => Part) | undefined) => wrong ? wrong(right) : right;
  const attempts = as<AttemptStore>(new NatsAttemptStore(kv, link.isDelayed), plant.attempts);
  const deadLetters = as(new DeadLetters(messages, duplicates), plant.deadLetters);
  let reconnected: Composed["reconnected"] = () => {};
  const settler = new NatsSettler({
    nc: link.nc,
    monitor: { onReconnect: (listener) => void (reconnected = listener) },
    deadLetters,
    attempts,
    retries: new RetryStream(messages),
    jsm: { streams } as Remover,
    clock,
  });
  const ports = {
    clock,
    publisher: as<Publisher>(
      new EventPublisher(messages, { streams } as unknown as MessageReader, duplicates),
      plant.publisher,
    ),
    settler: watched(as<Settler>(settler, plant.settler), decided),
    attempts,
    idempotency: NO_STORE,
    observer: UNOBSERVED,
    kv: NO_BUCKETS,
  };
  const dependencies = new DependencyBreakers(fn.policy.dependencies, clock, () => {});
  const pipeline = new Pipeline(fn, dependencies, ports);
  const dispatcher = new Dispatcher(pipeline, sources, EXTEND_INTERVAL_MS, UNLIMITED);
  return { dispatcher, settler, reconnected };
}

function watched(settler: Settler, decided: Decided): Settler {
  return {
    settle(functionName, delivery, outcome, progress, claim) {
      decided(delivery, outcome);
      return settler.settle(functionName, delivery, outcome, progress, claim);
    },
    extend: (delivery) => settler.extend(delivery),
  };
}

const UNOBSERVED: Observer = { begin() {}, end() {}, breakerChanged() {} };
const NO_BUCKETS = new MemoryKvStore();
const NO_STORE: IdempotencyStore = { claim: () => Promise.reject(new Error("nothing is claimed here")) };
/** No handler blocks its thread here. */
const UNLIMITED: Leases = { hold: () => ({ isValid: () => true, renew() {}, release() {} }) };
const policies = new Map<string, ResolvedFunction["policy"]>();

/** The function under simulation, with a handler of the caller's. */
export function functionOf(settings: Settings, handler: ResolvedFunction["handler"]): ResolvedFunction {
  const { attempts, concurrency, initialMs, breakerFailures, breakerOpenForMs } = settings;
  const key = [attempts, concurrency, initialMs, breakerFailures, breakerOpenForMs].join();
  let policy = policies.get(key);
  if (!policy) {
    const resolved = resolvePolicy({
      on: Asked,
      retry: { attempts, initial: `${initialMs}ms`, max: "20s" },
      timeout: "60s",
      concurrency,
      breaker: { consecutiveFailures: breakerFailures, openFor: `${breakerOpenForMs}ms` },
      dependencies: { api: { consecutiveFailures: 1, openFor: "3s" } },
    });
    if (!resolved.ok) throw new Error(resolved.problems.join("; "));
    policies.set(key, policy = resolved.policy);
  }
  const triggers = [{ pattern: Asked.type, stream: "SIM", event: Asked }];
  return { name: FUNCTION, file: `functions/${FUNCTION}.ts`, triggers, emits: [Answered], policy, handler };
}
