import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { Log } from "../api/context.ts";
import { NO_NAMESPACE } from "../core/namespace.ts";
import type { Clock } from "../engine/clock.ts";
import { systemClock } from "../engine/system_clock.ts";
import { isUnavailable } from "../nats/client/is_unavailable.ts";
import { AckFloors } from "../nats/consume/ack_floors.ts";
import type { PassedEvents } from "../nats/consume/passed_events.ts";
import { concernsOf } from "../nats/topology/concerns.ts";
import {
  applyTopology,
  type ApplyTopologyOptions,
  compareTopology,
  ensureTopology,
  type Refused,
  requireTopology,
} from "../nats/topology/ensure_topology.ts";
import { StoredCancelledEvents } from "../nats/retry/cancelled_events.ts";
import { pausesOf } from "../nats/topology/pause.ts";
import { type FoundState, planFound } from "../nats/topology/plan.ts";
import { Reconciler } from "../nats/topology/reconcile.ts";
import type { DesiredState, Durable } from "../nats/topology/resources.ts";
import { changesOf, isConcern, nameOf, type Scope, type Step, type StepOf, UNHANDLED } from "../nats/topology/step.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import type { Service } from "./service.ts";

/** Interval of the checks in milliseconds: 5 s, or 50 ms a consumer. It bounds how long a change goes unnoticed. */
const INTERVAL_MS = 5_000, PER_CONSUMER_MS = 50;

/** Interval in milliseconds at which a lasting problem is logged. */
const REPORT_INTERVAL_MS = 30_000;

/** Whether a process may create and change streams, consumers and buckets; with `narrow` also take subjects off them. */
export type MayApply = boolean | "narrow";

/**
 * Creates the streams, consumers and buckets of a process at its start, and keeps them as declared while it runs. Other
 * processes and clients may delete and change them at any time.
 */
export class TopologyKeeper implements Service {
  readonly desired: DesiredState;
  /** Steps that created consumers at the start, with the number of events that they begin with. */
  readonly begun: Step[] = [];
  readonly #floors: AckFloors;
  readonly #reconciler: Reconciler;
  /** Steps that cannot be put right. */
  #refused: readonly Refused[] = [];
  #concerns: readonly string[] = [];
  #pauses: ReadonlyMap<string, string> = new Map();
  #reportedMs = -Infinity;
  #cancel: () => void = () => {};
  #stopped = false;
  /** Creation times of the streams, as last found. */
  readonly created = new Map<string, string>();
  #onRenewed: (stream: string, beforeMs: number) => void = () => {};
  #bringingBack: Promise<unknown> = Promise.resolve();
  /** Events that an operator has cancelled, as last found. */
  readonly cancelled: StoredCancelledEvents;
  /** Called with what each check finds. Default: nothing is called. */
  onFound: (found: FoundState) => void = () => {};

  /** @param mayApply Whether the process may change anything. Otherwise it only checks that all is as declared. */
  constructor(
    readonly jsm: JetStreamManager,
    desired: DesiredState,
    readonly mayApply: MayApply,
    readonly log: Log,
    readonly passed: PassedEvents,
    readonly clock: Clock = systemClock,
  ) {
    const floors = this.#floors = new AckFloors(jsm);
    this.cancelled = new StoredCancelledEvents(desired.names ?? NO_NAMESPACE);
    this.desired = { ...desired, floorOf: (durable, stream) => floors.settledUpTo(durable, stream) };
    this.#reconciler = new Reconciler(() => this.#check(), clock, (error) => this.#checked(error));
  }

  /** @throws {StartupProblems} if something is not as declared and cannot be changed, or may not be */
  async start(): Promise<void> {
    const { jsm, desired, mayApply } = this, options = this.#options(mayApply === "narrow" ? "apply" : "start");
    if (mayApply) await ensureTopology(jsm, desired, options);
    else await requireTopology(jsm, desired, options);
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#reconciler.stop();
    this.passed.stop();
    await this.#bringingBack;
  }

  /** Calls back when a stream was created again: what it stored before `beforeMs` is gone, and positions come again. */
  onRenewedStream(listener: (stream: string, beforeMs: number) => void): void {
    this.#onRenewed = listener;
  }

  /** Requests a check, because a stream or consumer is missing or was changed. */
  requestCheck(): void {
    this.#reconciler.ask();
  }

  /**
   * Returns what is not as declared and cannot be put right. The {@linkcode concerns} are not included.
   *
   * @param functionName Function whose consumers are checked. Default: streams and buckets.
   */
  problem(functionName?: string): string | undefined {
    if (this.#refused.length === 0) return undefined; // hot path: it is asked before each pull
    // A concern is no problem: a problem makes the process not ready, and its load balancer sends it no requests.
    const names = this.desired.names ?? NO_NAMESPACE;
    const isMeant = (step: Step) =>
      !isConcern(step) && functionName === (step.what === "consumer" ? names.functionOf(step.name) : undefined);
    return this.#refused.filter(({ step }) => isMeant(step)).flatMap(({ problems }) => problems).join("; ") ||
      undefined;
  }

  /** Returns the paused functions, each with a sentence about its pause. */
  get pauses(): ReadonlyMap<string, string> {
    return this.#pauses;
  }

  /**
   * Returns the concerns, one line each. A concern leaves the process ready, and `/health` reports it as degraded. Some
   * are an operator's settings that hold events back, such as a replay policy. The others are steps that were refused
   * because another project, another release or another client decides.
   */
  concerns(): readonly string[] {
    const differing = this.#refused.filter(({ step }) => isConcern(step)).flatMap(({ problems }) => problems);
    return [...this.#concerns, ...differing];
  }

  #schedule(): void {
    if (this.#stopped) return;
    const intervalMs = Math.max(INTERVAL_MS, this.desired.durables.length * PER_CONSUMER_MS);
    this.#cancel = this.clock.timer(intervalMs, () => {
      this.requestCheck();
      this.#schedule();
    });
  }

  #options(scope: Scope): ApplyTopologyOptions {
    const partly = scope === "running";
    return {
      ...{ scope, partly },
      onFound: (found) => this.#found(found, scope),
      onApplied: (step, consumer) => {
        const durable = consumer && this.#durableOf(consumer);
        if (partly) this.#putRight(step, durable, consumer);
        // The consumers of the new stream do not exist yet, so every held message is of the old stream.
        if (partly && step.kind === "create" && step.what === "stream") this.#onRenewed(step.name, Infinity);
        if (durable) this.passed.record(durable, consumer, this.created.get(durable.stream));
        if (!consumer || step.kind !== "create") return;
        if (!partly) this.begun.push({ ...step, waiting: consumer.num_pending } as Step);
        if (consumer.num_pending === 0) return;
        const fields = { function: durable?.functionName, stream: consumer.stream_name };
        this.log.info(`new consumer: begins with ${consumer.num_pending} stored events`, fields);
      },
    };
  }

  #found(found: FoundState, scope: Scope): void {
    this.onFound(found);
    this.#findRenewed(found);
    this.#floors.record(found);
    this.cancelled.record(found);
    for (const [durable, consumer] of found.consumers) {
      const created = this.created.get(durable.stream);
      if (!consumer || !created) continue;
      if (this.passed.isReplaced(durable, consumer)) {
        const fields = {
          function: durable.functionName,
          stream: consumer.stream_name,
          policy: consumer.config.deliver_policy,
        };
        this.log.error("another client created the consumer again, without the events that waited", fields);
        this.#bringsBack(this.passed.bringBackSkipped(durable, consumer, created));
      }
      this.passed.record(durable, consumer, created);
    }
    const concerns = concernsOf(found);
    for (const concern of concerns) if (!this.#concerns.includes(concern)) this.log.warn(concern);
    this.#concerns = concerns;
    this.#findPauses(found);
    if (scope !== "start") return;
    for (const step of planFound(this.desired, found)) {
      if (step.kind !== "update" || !step.narrows) continue;
      const removesTrigger = step.changes.some(({ field }) => field === "filter_subjects");
      const advice = "run `deno task apply` once no other release runs" + (removesTrigger ? `; ${UNHANDLED}` : "");
      this.log.warn(`${nameOf(step)} is wider than this release declares: ${advice}`, { changes: changesOf(step) });
    }
  }

  #findPauses(found: FoundState): void {
    const before = this.#pauses, pauses = this.#pauses = pausesOf(found);
    for (const [name, pause] of pauses) if (before.get(name) !== pause) this.log.warn(pause, { function: name });
    for (const name of before.keys()) if (!pauses.has(name)) this.log.info("resumed", { function: name });
  }

  #findRenewed({ streams }: FoundState): void {
    for (const [name, info] of streams) {
      if (!info) continue;
      const { created } = info, before = this.created.get(name);
      if (before !== undefined && before !== created) this.#onRenewed(name, Date.parse(created));
      this.created.set(name, created);
    }
  }

  #durableOf({ name, stream_name }: ConsumerInfo): Durable {
    return this.desired.durables.find(({ consumer, stream }) => consumer === name && stream === stream_name)!;
  }

  #putRight(step: StepOf<"create" | "update">, durable: Durable | undefined, consumer: ConsumerInfo | undefined): void {
    const changes = step.kind === "create" ? "it was missing" : changesOf(step);
    this.log.error(`${nameOf(step)} was not as declared: put right`, { changes });
    const filters = step.kind === "update" && step.changes.find(({ field }) => field === "filter_subjects");
    if (!filters || !durable || !consumer) return;
    const created = this.created.get(durable.stream);
    this.#bringsBack(this.passed.bringBack(durable, filters.from as string[], consumer, created));
  }

  #bringsBack(done: Promise<void>): void {
    this.#bringingBack = Promise.all([this.#bringingBack, done]);
  }

  async #check(): Promise<void> {
    const { jsm, desired, mayApply } = this, options = this.#options("running");
    const before = new Set(this.#refused.flatMap(({ problems }) => problems));
    this.#refused = (await (mayApply ? applyTopology : compareTopology)(jsm, desired, options))
      .filter(({ error }) => !isUnavailable(error));
    const problems = this.#refused.flatMap(({ problems }) => problems);
    const what = mayApply ? "cannot be put right" : "are not as declared, and this process may not change them";
    const isDue = this.clock.now() - this.#reportedMs >= REPORT_INTERVAL_MS;
    if (problems.length > 0 && (isDue || problems.some((problem) => !before.has(problem)))) {
      this.#reportedMs = this.clock.now();
      this.log.error(`streams or consumers ${what}`, { error: new StartupProblems(problems) });
    }
    if (before.size > 0 && problems.length === 0) this.log.info("streams and consumers are as declared again");
  }

  /**
   * Logs the failure of a check. An outage is not logged here: it is a problem of the connection, and shows nothing
   * about the topology.
   */
  #checked(error: unknown): void {
    if (error !== undefined && !isUnavailable(error)) {
      this.log.warn("streams and consumers cannot be checked; will retry", { error });
    }
  }
}
