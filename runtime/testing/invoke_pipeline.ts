import { INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import type { OutgoingEvent } from "../core/event.ts";
import type { CircuitBreaker } from "../engine/circuit_breaker.ts";
import { DependencyBreakers } from "../engine/dependency_breakers.ts";
import { Pipeline } from "../engine/pipeline.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import { TracedPublisher } from "../telemetry/traced_publisher.ts";
import { HandlerLog } from "./handler_log.ts";
import type { InvokeOptions } from "./invoke_options.ts";
import { MemoryKvStore } from "./memory_kv_store.ts";
import { durationMs } from "./test_clock.ts";

/** The pipeline of one call of `invoke`: that of production, on stores in memory. Dispose of it after the call. */
export class InvokedPipeline implements Disposable {
  readonly pipeline: Pipeline;
  readonly log: HandlerLog;
  readonly kv: MemoryKvStore;
  readonly published: OutgoingEvent[] = [];
  readonly cancelled: string[] = [];
  readonly #endGrace: () => void;

  constructor(fn: ResolvedFunction, options: InvokeOptions) {
    const { clock = systemClock, attempt = 1 } = options, { published, cancelled } = this;
    const log = this.log = new HandlerLog(clock);
    this.kv = options.kv ?? new MemoryKvStore();
    const dependencies = new DependencyBreakers(fn.policy.dependencies, clock, (change) => log.breakerChanged(change));
    const publisher = new TracedPublisher({
      publish: (event, listener) => {
        published.push(event);
        listener.stored({ stream: "TEST", sequence: published.length, duplicate: false });
      },
    });
    const pipeline = this.pipeline = new Pipeline(fn, dependencies, {
      clock,
      publisher,
      delayed: { publisher, cancel: (key) => Promise.resolve(void cancelled.push(key)) },
      settler: {
        settle: async (_name, _delivery, { kind }, _usedUp, claim) => {
          await (kind === "ack" ? claim?.complete() : claim?.release());
          return { ok: true };
        },
        extend: () => {},
      },
      attempts: {
        read: () => Promise.resolve({ begun: attempt - 1, excused: 0, mayHaveEmitted: false }),
        write: () => Promise.resolve(),
        markPrefetching: () => Promise.resolve(),
      },
      idempotency: options.idempotencyStore ?? { claim: () => Promise.resolve({ kind: "claimed", claim: NO_CLAIM }) },
      observer: log,
      kv: this.kv,
    });
    if (options.breaker) open(pipeline.breaker);
    for (const name of Object.keys(options.dependencies ?? {})) open(dependencies.breaker(name));
    this.#endGrace = shutDown(options.shutdown, clock, () => pipeline.runner.abortAll());
  }

  [Symbol.dispose](): void {
    this.#endGrace();
    this.pipeline.admission.close();
    this.pipeline.runner.abortAll();
  }
}

/** The claim of an event that no store remembers. */
const NO_CLAIM = { complete: () => Promise.resolve(), release: () => Promise.resolve() };

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** Opens a breaker by reporting failures. */
function open(breaker: CircuitBreaker): void {
  while (breaker.state.kind !== "open") {
    const admission = breaker.admit(NO_SPAN);
    if (admission.admitted) admission.report("failure");
  }
}

/** Gives back the delivery when the grace of a shutdown is over. Returns a function that cancels it. */
function shutDown(shutdown: InvokeOptions["shutdown"], clock: typeof systemClock, giveBack: () => void): () => void {
  if (shutdown === undefined) return () => {};
  if (!(shutdown instanceof AbortSignal)) return clock.timer(durationMs(shutdown), giveBack);
  if (shutdown.aborted) giveBack();
  else shutdown.addEventListener("abort", giveBack, { once: true });
  return () => shutdown.removeEventListener("abort", giveBack);
}
