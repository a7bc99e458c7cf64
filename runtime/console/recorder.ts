import type { BreakerState } from "../core/breaker.ts";
import type { CircuitBreaker } from "../engine/circuit_breaker.ts";
import type { Dispatcher } from "../engine/dispatcher.ts";
import type { Settled } from "../engine/observer.ts";
import { FunctionRecord, type Point, STEP_SECONDS } from "./function_record.ts";
import type { ConsoleOptions } from "./options.ts";

/** Milliseconds after the last page was closed for which the record goes on. */
const KEEP_MS = 15 * 60_000;
const SECOND_MS = 1_000;
/** Changes of breakers that are remembered. */
const MAX_CHANGES = 100;

export interface RecordedChange {
  readonly at: string;
  readonly of: CircuitBreaker["of"];
  readonly name: string;
  readonly from: BreakerState["kind"];
  readonly to: BreakerState["kind"];
}

/** Counts of the server for a function, over all replicas. */
export interface ServerCounts {
  readonly pending: number | null;
  readonly rate: number | null;
}

/**
 * Records what this process settles, in bounded memory, while a page is open and for a while afterwards; in `dev` always.
 * Otherwise it costs nothing.
 */
export class Recorder {
  readonly #records = new Map<string, FunctionRecord>();
  readonly #dispatchers: ReadonlyMap<string, Dispatcher>;
  readonly #breakers = new Map<CircuitBreaker, BreakerState["kind"]>();
  readonly #changes: RecordedChange[] = [];
  readonly #listeners = new Set<(points: ReadonlyMap<string, Point>) => void>();
  #stopListening: (() => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #usedAtMs = 0;
  #seconds = 0;
  /** Latest counts of the server by function; empty while no page asks for them. */
  counts: ReadonlyMap<string, ServerCounts> = new Map();

  constructor(readonly options: Pick<ConsoleOptions, "dispatchers" | "outcomes" | "redact" | "dev">) {
    this.#dispatchers = new Map(options.dispatchers.map((one) => [one.pipeline.fn.name, one]));
  }

  /** Records from now on. Call it for each request that shows something. */
  use(): void {
    this.#usedAtMs = performance.now();
    if (this.#timer !== undefined) return;
    this.#stopListening = this.options.outcomes.listen((settled) => this.#settled(settled));
    this.#timer = setInterval(() => this.#tick(), SECOND_MS);
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopListening?.();
  }

  /** Returns the record of a function; undefined if this process does not run it. */
  of(functionName: string): FunctionRecord | undefined {
    return this.#dispatchers.has(functionName) ? this.#recordOf(functionName) : undefined;
  }

  dispatcher(functionName: string): Dispatcher | undefined {
    return this.#dispatchers.get(functionName);
  }

  /** Calls back after each step with the new points. Returns a function that ends it. */
  onStep(listener: (points: ReadonlyMap<string, Point>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Returns the changes of a function's breakers, the last first. */
  changesOf(functionName: string): RecordedChange[] {
    const breakers = this.#dispatchers.get(functionName)?.pipeline.breakers ?? [];
    const own = this.#changes.filter(({ of, name }) => breakers.some((one) => one.of === of && one.name === name));
    return own.reverse();
  }

  #recordOf(functionName: string): FunctionRecord {
    return this.#records.getOrInsertComputed(functionName, () => new FunctionRecord(this.options.redact));
  }

  #settled(settled: Settled): void {
    this.#recordOf(settled.attempt.functionName).settled(settled);
  }

  #tick(): void {
    const nowMs = performance.now();
    if (!this.options.dev && nowMs - this.#usedAtMs > KEEP_MS) return this.stop();
    for (const name of this.#dispatchers.keys()) this.#recordOf(name).mark(nowMs);
    this.#watchBreakers();
    if (this.#seconds++ % STEP_SECONDS === 0) this.#step();
  }

  #step(): void {
    const t = Math.round(Date.now() / 1_000), points = new Map<string, Point>();
    for (const [name, dispatcher] of this.#dispatchers) {
      const { pending = null, rate = null } = this.counts.get(name) ?? {};
      points.set(name, this.#recordOf(name).step(t, { running: runningOf(dispatcher), pending, rate }));
    }
    for (const listener of this.#listeners) listener(points);
  }

  /** Listens to breakers that it does not know yet: the breaker of a dependency begins with its first call. */
  #watchBreakers(): void {
    for (const breaker of [...this.#dispatchers.values()].flatMap(({ pipeline }) => pipeline.breakers)) {
      if (this.#breakers.has(breaker)) continue;
      this.#breakers.set(breaker, breaker.state.kind);
      breaker.onChange(() => this.#breakerChanged(breaker));
    }
  }

  #breakerChanged(breaker: CircuitBreaker): void {
    const { of, name, state: { kind: to } } = breaker, from = this.#breakers.get(breaker)!;
    if (from === to) return;
    this.#breakers.set(breaker, to);
    this.#changes.push({ at: new Date().toISOString(), of, name, from, to });
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift();
  }
}

/** Returns how many deliveries a dispatcher handles, without those that wait for their key. */
export function runningOf({ running, pipeline: { shares } }: Dispatcher): number {
  return shares?.running ?? running;
}
