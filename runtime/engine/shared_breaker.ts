import { sha256Hex } from "../core/sha256.ts";
import { INVALID_SPAN_CONTEXT, type Span, trace } from "@opentelemetry/api";
import type { BreakerPolicy, BreakerState } from "../core/breaker.ts";
import { errorDetail } from "../core/error_detail.ts";
import {
  adopt,
  isSameState,
  PROBE_LEASE_MS,
  PROBE_RENEW_MS,
  type SharedState,
  type StoredState,
} from "../core/shared_breaker.ts";
import type { BreakerPorts } from "./breaker_store.ts";
import { type BreakerAnswer, type BreakerChange, CircuitBreaker } from "./circuit_breaker.ts";
import type { ServerClock } from "./clock.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/** Milliseconds between two tries of a store that fails. */
const TRY_AGAIN_MS = 2_000;
/** Writes of one state that other writes may overtake. */
const MAX_TRIES = 3;
/** Milliseconds that a stored state outlasts its use. Without a stored state a process decides by its own. */
const TTL_MARGIN_MS = 3_600_000;
const NOTHING: StoredState = { state: undefined, revision: 0, storedAtMs: 0 };
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/**
 * A breaker whose changes of state all processes follow. While it is closed, it reads and writes nothing: each process
 * counts its own failures. One process at a time makes the probes, under a lease in the store. While the store fails, the
 * breaker is that of its process alone, which it reports.
 *
 * Invariant: a change is stored only over the revision that led to it. A process whose change comes too late adopts what
 * is stored instead.
 */
export class SharedBreaker extends CircuitBreaker {
  readonly processId = crypto.randomUUID().slice(0, 8);
  readonly key: string;
  #stored = NOTHING;
  /** Reads and writes, one after the other, so that an answer is never older than the one before. Never rejects. */
  #queue: Promise<void> = Promise.resolve();
  #taking: Promise<void> | undefined;
  #willRead = false;
  #leaseUntilMs = -Infinity;
  #problem: string | undefined;
  #isClosed = false;
  #cancelRenewal: () => void = () => {};
  #cancelRetry: () => void = () => {};

  constructor(
    name: string,
    of: BreakerChange["of"],
    policy: BreakerPolicy,
    override readonly clock: ServerClock,
    reportChange: (change: BreakerChange) => void,
    readonly ports: BreakerPorts,
  ) {
    super(name, of, policy, clock, reportChange);
    this.key = keyOf(of, name);
    ports.store.watch(this.key, (revision) => this.#changedElsewhere(revision));
    this.#changedElsewhere();
  }

  override problem(): string | undefined {
    return this.#problem;
  }

  override synced(): Promise<void> {
    return this.#queue;
  }

  /** Asks for a permit. If the breaker is due for a probe or half-open, takes the lease of the probes first. */
  override acquire(span: Span): MaybePromise<BreakerAnswer> {
    if (this.state.kind === "closed" || this.permits() === 0 || this.#mayProbe()) return this.admit(span);
    this.#taking ??= this.#use(() => this.#takeLease()).finally(() => this.#taking = undefined);
    return this.#taking.then(() => {
      const isDecided = this.state.kind === "closed" || this.permits() === 0 || this.#mayProbe();
      return isDecided ? this.admit(span) : { admitted: false, retryAtMs: this.clock.now() + TRY_AGAIN_MS };
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRenewal();
    this.#cancelRetry();
  }

  protected override become(next: BreakerState, span: Span, isElsewhere = false): void {
    const from = this.state;
    if (next.kind !== "half-open") this.#leaseUntilMs = -Infinity;
    if (isElsewhere) return super.become(next, span, true);
    if (from.kind === "half-open" && next.kind === "closed") return this.#closeOnceStored(from, next, span);
    super.become(next, span);
    if (from.kind !== "open" && next.kind === "open") void this.#use(() => this.#storeOpen());
  }

  /** Whether this process may make probes: it has the lease, or goes by itself. */
  #mayProbe(): boolean {
    return this.#problem !== undefined || this.clock.now() < this.#leaseUntilMs;
  }

  /** Admits no call before the store has the result of the probes: another process may have made them meanwhile. */
  #closeOnceStored(from: BreakerState & { kind: "half-open" }, next: BreakerState, span: Span): void {
    const passed = { ...from, probing: from.probing - 1, passed: from.passed + 1 };
    super.become(passed, span);
    const store = () => this.#store(passed, { kind: "closed", generation: next.generation });
    void this.#use(store).then(() => this.state === passed && super.become(next, span));
  }

  async #storeOpen(): Promise<void> {
    const { state } = this;
    if (state.kind !== "open" || state.untilMs <= this.clock.now()) return;
    await this.#store(state, { kind: "open", generation: state.generation });
  }

  async #takeLease(): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { state } = this, atMs = this.clock.now();
      if (state.kind === "closed" || this.permits() === 0) return;
      const generation = state.kind === "open" ? state.generation + 1 : state.generation;
      if (!await this.#store(state, { kind: "half-open", generation, by: this.processId })) continue;
      this.#leaseUntilMs = atMs + PROBE_LEASE_MS;
      return this.#renewPeriodically();
    }
  }

  #renewPeriodically(): void {
    this.#cancelRenewal();
    if (this.#isClosed) return;
    this.#cancelRenewal = this.clock.timer(PROBE_RENEW_MS, () => {
      if (this.state.kind !== "half-open" && this.clock.now() >= this.#leaseUntilMs) return;
      void this.#use(async () => {
        const { state } = this, atMs = this.clock.now();
        // Without a probe the lease ends: an idle process must not hold up one that has events.
        if (state.kind !== "half-open" || state.probing === 0) return;
        const renewed: SharedState = { kind: "half-open", generation: state.generation, by: this.processId };
        if (await this.#store(state, renewed)) this.#leaseUntilMs = atMs + PROBE_LEASE_MS;
      }).then(() => this.#renewPeriodically());
    });
  }

  /** Stores a state while the breaker is in the one that led to it. Returns whether it is stored. */
  async #store(led: BreakerState, state: SharedState): Promise<boolean> {
    for (let tries = 0; tries < MAX_TRIES && this.state === led; tries++) {
      const ttlMs = this.policy.openForMs + TTL_MARGIN_MS;
      const revision = await this.ports.store.write(this.key, state, this.#stored.revision, ttlMs);
      if (revision !== undefined) {
        this.#stored = { state, revision, storedAtMs: this.clock.serverNow() };
        return true;
      }
      await this.#read();
    }
    return false;
  }

  async #read(): Promise<void> {
    const stored = await this.ports.store.read(this.key);
    if (isSameState(stored, this.#stored)) return;
    this.#stored = stored;
    const { policy, processId, clock } = this;
    const next = adopt(this.state, stored, { policy, processId, nowMs: clock.now(), serverNowMs: clock.serverNow() });
    if (next === this.state) return;
    this.become(next, NO_SPAN, true);
  }

  #changedElsewhere(revision?: number): void {
    if (this.#willRead || revision === this.#stored.revision) return;
    this.#willRead = true;
    void this.#use(() => {
      this.#willRead = false;
      return revision === this.#stored.revision ? undefined : this.#read();
    });
  }

  /** Adds to the queue. While the store fails only {@linkcode #tryAgain} asks it. */
  #use(run: () => void | Promise<void | boolean>): Promise<void> {
    return this.#queue = this.#queue.then(async () => {
      try {
        if (this.#problem === undefined) await run();
        else this.#willRead = false;
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  #failed(error: unknown): void {
    this.#willRead = false;
    const why = errorDetail(error).message;
    this.#problem = `it is not shared, each process opens and probes by itself: ${why}`;
    this.ports.reportProblem(this, this.#problem);
    this.#scheduleTry();
    this.changed(); // what waited for the lease of another process may begin
  }

  #scheduleTry(): void {
    if (!this.#isClosed) this.#cancelRetry = this.clock.timer(TRY_AGAIN_MS, () => void this.#tryAgain());
  }

  /**
   * Reads what other processes have stored meanwhile. If that is nothing, stores its own state, since a store may be
   * readable and refuse every write.
   */
  #tryAgain(): Promise<void> {
    return this.#queue = this.#queue.then(async () => {
      const opened = this.state;
      try {
        await this.#read();
        if (opened === this.state) await (this.permits() === 0 ? this.#storeOpen() : this.#takeLease());
      } catch {
        return this.#scheduleTry();
      }
      this.#problem = undefined;
      this.ports.reportProblem(this, undefined);
    });
  }
}

/** Returns the key of a breaker. A name that is no token of a subject has a key of its hash. */
function keyOf(of: BreakerChange["of"], name: string): string {
  const isToken = /^[\w-]{1,64}$/.test(name);
  return `${of}.${isToken ? name : sha256Hex(name, 32)}`;
}

/** Creates a breaker. @param ports The store of breakers with `shared`. Default: it is that of its process alone. */
export function createBreaker(
  name: string,
  of: BreakerChange["of"],
  policy: BreakerPolicy,
  clock: ServerClock,
  reportChange: (change: BreakerChange) => void,
  ports: BreakerPorts | undefined,
): CircuitBreaker {
  return policy.shared && ports
    ? new SharedBreaker(name, of, policy, clock, reportChange, ports)
    : new CircuitBreaker(name, of, policy, clock, reportChange);
}
