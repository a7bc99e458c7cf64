import { systemClock } from "../engine/system_clock.ts";
import { durablesOf } from "../nats/consume/resources.ts";
import { LagReader } from "../nats/inspect/consumer_lag.ts";
import type { FunctionLag } from "../nats/inspect/consumer_lag.ts";
import { KINDS } from "./function_record.ts";
import { type FunctionState, functionState } from "./function_state.ts";
import { emitsEdge, triggerEdge } from "./graph.ts";
import { rounded } from "./latencies.ts";
import { ConsumerList } from "./list_consumers.ts";
import type { ConsoleOptions } from "./options.ts";
import { type Recorder, runningOf } from "./recorder.ts";
import { WindowedCount } from "./windowed_count.ts";

/** Seconds of the rates that are shown, and of the outcomes that decide the state. */
const RATE_SECONDS = 5, STATE_SECONDS = 10;
/** Maximum age of the counts of the server in milliseconds, below the interval of the rounds. */
const MAX_AGE_MS = 900;
/** Milliseconds for which the age of the oldest event is that of the event found before. */
const OLDEST_EVERY_MS = 5_000;
/** Milliseconds for each function between two counts of retries and dead letters: each takes a request a function. */
const COUNT_PER_FUNCTION_MS = 100;

/** The state of a function in this process alone. */
interface HereStatus {
  readonly perSecond: Readonly<Record<typeof KINDS[number], number>>;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly running: number;
  readonly concurrency: number;
  readonly breaker: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly rate?: "free" | "used-up" | "local";
}

/** The state of a function now. Values that the server counts are of all replicas, and null if it does not say. */
export interface LiveFunction {
  readonly rate: number | null;
  readonly pending: number | null;
  readonly ackPending: number | null;
  readonly oldestMs: number | null;
  readonly retries: number | null;
  readonly deadLetters: number | null;
  readonly pausedUntil: string | null;
  readonly state: FunctionState;
  /** Null if this process does not run it. */
  readonly here: HereStatus | null;
}

export interface LiveStatus {
  readonly functions: ReadonlyMap<string, LiveFunction>;
  /** Events per second by the id of the edge. */
  readonly edges: ReadonlyMap<string, number | null>;
}

/** Reads the state of all functions: the server's counts, and what the recorder has seen in this process. */
export class LiveStatusReader {
  readonly #consumers: ConsumerList;
  readonly #lag: LagReader;
  readonly #delivered = new Map<string, WindowedCount>();

  constructor(
    readonly options: Pick<ConsoleOptions, "registry" | "cluster">,
    readonly recorder: Recorder,
  ) {
    const { registry: { functions }, cluster: { nc, jsm, names } } = options;
    this.#consumers = new ConsumerList(jsm);
    this.#lag = new LagReader(nc, jsm, durablesOf(functions, names), systemClock, names, {
      readConsumers: this.#consumers.read,
      keepsUp: this.#consumers.keepsUp,
      countEveryMs: COUNT_PER_FUNCTION_MS * functions.length,
      oldestEveryMs: OLDEST_EVERY_MS,
    });
  }

  /** Returns the state now, after two seconds at most. */
  async read(): Promise<LiveStatus> {
    const { recorder, options: { registry: { functions } } } = this;
    recorder.use();
    const lags = await this.#lag.read(MAX_AGE_MS), isKnown = lags.size > 0, nowMs = performance.now();
    if (isKnown) this.#count(nowMs);
    const rates = new Map(functions.map(({ name }) => [name, isKnown ? this.#rateOf(name) : null]));
    const states = functions.map(({ name }) => {
      const status = this.#functionOf(name, rates.get(name)!, lags.get(name) ?? {});
      return [name, status] as const;
    });
    recorder.counts = new Map(states.map(([name, { pending, rate }]) => [name, { pending, rate }]));
    return { functions: new Map(states), edges: this.#edges(rates) };
  }

  #count(nowMs: number): void {
    for (const [name, total] of this.#consumers.delivered()) {
      const count = this.#delivered.getOrInsertComputed(name, () => new WindowedCount());
      count.total = total;
      count.mark(nowMs);
    }
  }

  #rateOf(name: string): number | null {
    const rate = this.#delivered.get(name)?.perSecond(RATE_SECONDS) ?? null;
    return rate === null ? null : rounded(rate);
  }

  #functionOf(name: string, rate: number | null, lag: FunctionLag): LiveFunction {
    const record = this.recorder.of(name),
      recent = (kind: typeof KINDS[number]) => record?.counts[kind].recent(STATE_SECONDS) ?? 0;
    const counts = {
      rate,
      pending: lag.pending ?? null,
      ackPending: lag.ackPending ?? null,
      oldestMs: lag.oldestWaitingMs === undefined ? null : Math.round(lag.oldestWaitingMs),
      retries: lag.delayedRetries ?? null,
      deadLetters: lag.deadLetters ?? null,
      pausedUntil: lag.pausedUntil ?? null,
    };
    const here = this.#hereOf(name);
    const state = functionState({
      ...counts,
      breaker: here?.breaker,
      handled: recent("ack"),
      failed: recent("retry"),
      deadLetters: recent("deadLetter"),
    });
    return { ...counts, state, here };
  }

  #hereOf(name: string): HereStatus | null {
    const record = this.recorder.of(name), dispatcher = this.recorder.dispatcher(name);
    if (!record || !dispatcher) return null;
    const { pipeline } = dispatcher, { breakers, breaker, rate, adaptive, fn } = pipeline;
    const perSecond = KINDS.map((kind) => [kind, rounded(record.counts[kind].perSecond(RATE_SECONDS) ?? 0)]);
    const dependencies = breakers.filter(({ of }) => of === "dependency").map(({ name, state }) => [name, state.kind]);
    return {
      perSecond: Object.fromEntries(perSecond),
      p50Ms: record.percentile(0.5),
      p99Ms: record.percentile(0.99),
      running: runningOf(dispatcher),
      concurrency: adaptive?.limit ?? fn.policy.concurrency,
      breaker: breaker.state.kind,
      dependencies: Object.fromEntries(dependencies),
      ...(rate && { rate: rate.problem() ? "local" : rate.permits() === 0 ? "used-up" : "free" }),
    };
  }

  #edges(rates: ReadonlyMap<string, number | null>): Map<string, number | null> {
    const edges = new Map<string, number | null>();
    for (const { name, triggers, emits } of this.options.registry.functions) {
      const record = this.recorder.of(name);
      const rateOf = (count: WindowedCount | undefined) => record ? rounded(count?.perSecond(RATE_SECONDS) ?? 0) : null;
      for (const { pattern } of triggers) {
        const rate = triggers.length === 1 ? rates.get(name)! : rateOf(record?.triggers.get(pattern));
        edges.set(triggerEdge(pattern, name), rate);
      }
      for (const { type } of emits) edges.set(emitsEdge(name, type), rateOf(record?.emits.get(type)));
    }
    return edges;
  }
}
