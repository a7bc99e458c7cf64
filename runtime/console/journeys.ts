import { errorText, type Outcome, reasonOf } from "../core/outcome.ts";
import type { Settled } from "../engine/observer.ts";

/** Attempts that are kept, and the most of one journey that a page gets. */
const MAX_SPANS = 5_000, MAX_SHOWN = 500;
/** Emitted events of an attempt that are kept, and characters of its error. */
const MAX_EMITTED = 50, MAX_ERROR = 2_000;

/** One attempt of a function at an event. Times are milliseconds since 1970. */
interface JourneySpan {
  readonly id: string;
  /** Id of the attempt that emitted the event; absent if none is known. */
  readonly parent?: string;
  readonly function: string;
  readonly event: { readonly id: string; readonly type: string; readonly stream: string; readonly sequence: number };
  readonly attempt: number;
  readonly start: number;
  /** Time at which the event was stored, or came due, by the server's clock. */
  readonly storedAt: number;
  readonly durationMs: number;
  readonly outcome: Outcome["kind"];
  readonly reason?: string;
  readonly error?: string;
  readonly delayMs?: number;
  readonly emitted: readonly { readonly id: string; readonly type: string }[];
}

/** A span as it is kept. */
type Kept = Omit<JourneySpan, "id" | "parent"> & { readonly id: string; readonly trace: string; readonly key: string };

export interface Journey {
  readonly kept: boolean;
  /** Time since which attempts are kept: an RFC 3339 timestamp. */
  readonly since?: string;
  readonly spans: readonly JourneySpan[];
  /** Attempts of the journey beyond those that are shown. */
  readonly dropped: number;
}

/** Keeps the last attempts of a process in memory, and finds those of an event and of all that followed from it. */
export class Journeys {
  readonly #spans: Kept[] = [];
  readonly #byTrace = new Map<string, Set<Kept>>();
  readonly #byEvent = new Map<string, Set<Kept>>();
  readonly #since = new Date().toISOString();
  #count = 0;

  constructor(readonly redact: (text: string) => string) {}

  settled({ attempt, outcome, durationMs }: Settled): void {
    const { delivery: { stream, sequence, storedAtMs }, event: { id, type }, emitted } = attempt;
    const { traceId, spanId } = attempt.span.spanContext(), key = `${stream}:${sequence}`;
    const error = "error" in outcome && outcome.error
      ? this.redact(errorText(outcome.error)).slice(0, MAX_ERROR)
      : undefined;
    const span: Kept = {
      id: `${spanId}-${this.#count++}`, // the attempts of a batch share a span
      trace: traceId,
      key,
      function: attempt.functionName,
      event: { id, type, stream, sequence },
      attempt: attempt.number,
      start: attempt.startedAtMs,
      storedAt: storedAtMs,
      durationMs,
      outcome: outcome.kind,
      reason: reasonOf(outcome),
      error,
      ...(outcome.kind === "retry" && { delayMs: outcome.delayMs }),
      emitted: outcome.kind === "ack" ? emitted.slice(0, MAX_EMITTED).map(({ id, type }) => ({ id, type })) : [],
    };
    this.#spans.push(span);
    for (const [index, name] of [[this.#byTrace, span.trace], [this.#byEvent, span.key]] as const) {
      index.getOrInsertComputed(name, () => new Set()).add(span);
    }
    if (this.#spans.length > MAX_SPANS) this.#forget(this.#spans.shift()!);
  }

  /** Returns every attempt of the event and of the events before and after it in the same flow, by their start. */
  of(stream: string, sequence: number): Journey {
    const found = this.#related(`${stream}:${sequence}`).sort((a, b) => a.start - b.start);
    const emitters = new Map(found.flatMap((span) => span.emitted.map((event) => [event.id, span.id] as const)));
    const shown = found.slice(0, MAX_SHOWN).map(({ trace: _trace, key: _key, ...span }) => {
      const parent = emitters.get(span.event.id);
      return { ...span, ...(parent !== undefined && { parent }) };
    });
    return { kept: true, since: this.#since, spans: shown, dropped: found.length - shown.length };
  }

  /** Follows traces and events: an event without a trace begins another one with each attempt. */
  #related(key: string): Kept[] {
    const found = new Set<Kept>(), traces = new Set<string>(), keys = new Set([key]);
    for (const one of keys) {
      for (const { trace } of this.#byEvent.get(one) ?? []) {
        if (traces.has(trace)) continue;
        traces.add(trace);
        for (const span of this.#byTrace.get(trace) ?? []) {
          found.add(span);
          keys.add(span.key);
        }
        if (found.size > MAX_SPANS / 2) return [...found];
      }
    }
    return [...found];
  }

  #forget(span: Kept): void {
    for (const [index, name] of [[this.#byTrace, span.trace], [this.#byEvent, span.key]] as const) {
      const kept = index.get(name);
      kept?.delete(span);
      if (kept?.size === 0) index.delete(name);
    }
  }
}
