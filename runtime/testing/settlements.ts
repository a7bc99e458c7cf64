import { type ResolvedFunction, triggerFor } from "../project/resolve_function.ts";
import { RETRY_STREAM_MIN_DELAY_MS } from "../nats/retry/retry_stream.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { Outcome } from "../core/outcome.ts";
import type { OutcomeEmitter, Settled } from "../telemetry/outcome_emitter.ts";
import { describeOutcome } from "./describe_outcome.ts";
import type { Emitted } from "./invoke.ts";

/**
 * A delivery that was settled: who handled what, and what came of it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import type { SettledEntry } from "weir/testing";
 *
 * const brief = ({ function: name, attempt, outcome }: SettledEntry) => `${name} #${attempt}: ${outcome.kind}`;
 *
 * const event = { id: "e1", type: "demo.asked", data: {} };
 * const entry: SettledEntry = { function: "greet", event, attempt: 1, outcome: { kind: "ack" }, emitted: [], durationMs: 3 };
 * assert.equal(brief(entry), "greet #1: ack");
 * ```
 */
export interface SettledEntry {
  /** The function's name. */
  readonly function: string;
  /** The event it was given. */
  readonly event: { readonly id: string; readonly type: string; readonly data: unknown };
  /** Which attempt it was, from 1. */
  readonly attempt: number;
  /** What became of the event. */
  readonly outcome: Outcome;
  /** What the function emitted, which is stored by now. */
  readonly emitted: readonly Emitted[];
  /** From its bytes to its settlement. */
  readonly durationMs: number;
}

/** Something that a function has not settled yet. */
export interface Unsettled {
  readonly function: string;
  readonly subject: string;
  readonly id: string;
  readonly why: string;
}

/**
 * Follows an event and everything it causes. What is stored must be settled by every function that listens to it, and
 * what a function emitted is stored before its outcome is told: so an event is followed from the moment it exists, and
 * nothing is ever between two that are looked at.
 */
export class Settlements {
  readonly entries: SettledEntry[] = [];
  /** By subject, id and function: the deliveries of one event to one function. */
  readonly #known = new Map<string, SettledEntry[]>();
  readonly #waiting = new Set<() => void>();

  constructor(outcomes: OutcomeEmitter, readonly functions: readonly ResolvedFunction[]) {
    outcomes.listen((settled) => this.#take(settled));
  }

  /**
   * What came of an event so far, and of all that it caused: in the order it did, and what is not settled.
   *
   * @param delayedToo whether what waits in the retry stream is not settled; else it is, for now
   */
  of(subject: string, id: string, delayedToo: boolean): { settled: SettledEntry[]; open: Unsettled[] } {
    const settled = new Set<SettledEntry>(), open: Unsettled[] = [], seen = new Set<string>();
    const follow = [{ type: subject, id }];
    for (let event = follow.pop(); event; event = follow.pop()) {
      const { type: subject, id } = event;
      if (seen.has(keyOf(subject, id))) continue;
      seen.add(keyOf(subject, id));
      for (const fn of this.functions.filter((fn) => triggerFor(fn, subject))) {
        const entries = this.#known.get(keyOf(subject, id, fn.name)) ?? [];
        const why = openSince(entries.at(-1), delayedToo);
        if (why) open.push({ function: fn.name, subject, id, why });
        for (const entry of entries) {
          settled.add(entry);
          follow.push(...entry.emitted);
        }
      }
    }
    return { settled: this.entries.filter((entry) => settled.has(entry)), open };
  }

  /** Resolves when the next delivery has been settled. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #take({ attempt, outcome, durationMs }: Settled): void {
    const { event, delivery: { subject }, functionName, number, emitted } = attempt;
    const entry: SettledEntry = {
      function: functionName,
      event: { id: event.id, type: event.type, data: event.data },
      attempt: number,
      outcome,
      emitted: outcome.kind === "ack" ? emitted.map(asEmitted) : [],
      durationMs,
    };
    this.entries.push(entry);
    const key = keyOf(subject, event.id, functionName), known = this.#known.get(key);
    if (known) known.push(entry);
    else this.#known.set(key, [entry]);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function asEmitted({ type, id, json }: OutgoingEvent): Emitted {
  return { type, id, data: JSON.parse(json) };
}

/** Why the last delivery was not the last; undefined when it was. */
function openSince(last: SettledEntry | undefined, delayedToo: boolean): string | undefined {
  if (!last) return "was not delivered, or is still being handled";
  const { outcome } = last;
  const delayed = outcome.kind === "retry" && outcome.delayMs >= RETRY_STREAM_MIN_DELAY_MS ||
    outcome.kind === "ack" && outcome.skipped === "delayed";
  if (delayed ? delayedToo : outcome.kind === "retry" || outcome.kind === "lease-expired") {
    return `is ${describeOutcome(outcome)}`;
  }
  return undefined;
}

function keyOf(subject: string, id: string, functionName = ""): string {
  return JSON.stringify([subject, id, functionName]);
}
