import { formatDuration } from "../../core/duration.ts";
import { type ResolvedFunction, triggerFor } from "../../project/resolve_function.ts";
import { RETRY_STREAM_MIN_DELAY_MS } from "../../nats/retry/retry_stream.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { Settled } from "../../engine/observer.ts";
import type { OutcomeEmitter } from "../../telemetry/outcome_emitter.ts";
import { describeOutcome } from "../assertions/assert_outcome.ts";
import { type Emitted, toEmitted } from "../invoke.ts";

/** A delivery that a function settled. */
export interface SettledEntry {
  /** The function's name. */
  readonly function: string;
  /** The event. */
  readonly event: { readonly id: string; readonly type: string; readonly data: unknown };
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The decision of the runtime on the event. */
  readonly outcome: Outcome;
  /** The events that the function emitted. They are already stored. */
  readonly emitted: readonly Emitted[];
  /** The time from parsing the delivery to its settlement. */
  readonly durationMs: number;
}

/**
 * Follows an event and the events that it causes. Every function that listens to an event settles it. A function's
 * emitted events are stored before its outcome is reported, so no event is missed between two reads.
 */
export class Settlements {
  readonly entries: SettledEntry[] = [];
  /** The settled deliveries of one event to one function, by subject, id and function. */
  readonly #known = new Map<string, SettledEntry[]>();
  readonly #waiting = new Set<() => void>();

  constructor(outcomes: OutcomeEmitter, readonly functions: readonly ResolvedFunction[]) {
    outcomes.listen((settled) => this.#take(settled));
  }

  /**
   * Returns the settled deliveries of an event and of the events that it caused, and a line about each that is still
   * open.
   *
   * @param withDelayed Whether a delayed retry counts as open.
   */
  of(subject: string, id: string, withDelayed: boolean): { settled: SettledEntry[]; open: string[] } {
    const settled = new Set<SettledEntry>(), open: string[] = [], seen = new Set<string>();
    const follow = [{ type: subject, id }];
    for (let event = follow.pop(); event; event = follow.pop()) {
      const { type: subject, id } = event;
      if (seen.has(keyOf(subject, id))) continue;
      seen.add(keyOf(subject, id));
      for (const fn of this.functions.filter((fn) => triggerFor(fn, subject))) {
        const entries = this.#known.get(keyOf(subject, id, fn.name)) ?? [];
        const why = openSince(entries.at(-1), withDelayed);
        if (why) open.push(`${fn.name}: "${subject}" ${id} ${why.replaceAll("\n", "\n  ")}`);
        for (const entry of entries) {
          settled.add(entry);
          // A delayed event is published later, like a delayed retry.
          follow.push(...entry.emitted.filter(({ at }) => withDelayed || !at));
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
    if (outcome.kind === "ack" && outcome.skipped === "published") return; // no delivery of an event to the function
    const { event, delivery: { subject }, functionName, number, emitted } = attempt;
    const entry: SettledEntry = {
      function: functionName,
      event: { id: event.id, type: event.type, data: event.data },
      attempt: number,
      outcome,
      emitted: outcome.kind === "ack" ? emitted.map(toEmitted) : [],
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

/** Returns why a further delivery will follow, or undefined if the last delivery is final. */
function openSince(last: SettledEntry | undefined, withDelayed: boolean): string | undefined {
  if (!last) return "was not delivered, or is still being handled";
  const { outcome } = last;
  const delayed = outcome.kind === "retry" && outcome.delayMs >= RETRY_STREAM_MIN_DELAY_MS ||
    outcome.kind === "ack" && (outcome.skipped === "delayed" || outcome.skipped === "debounced");
  if (delayed ? withDelayed : outcome.kind === "retry" || outcome.kind === "lease-expired") {
    return `is ${describeOutcome(outcome)}`;
  }
  return undefined;
}

function keyOf(subject: string, id: string, functionName = ""): string {
  return JSON.stringify([subject, id, functionName]);
}

/**
 * Waits until an event, and every event it caused, is settled. Returns their deliveries.
 *
 * @throws {Error} at the timeout, with the deliveries that are not settled.
 */
export async function untilSettled(
  settlements: Settlements,
  { subject, id, waitForRetries, timeoutMs }: {
    readonly subject: string;
    readonly id: string;
    readonly waitForRetries: boolean;
    readonly timeoutMs: number;
  },
): Promise<SettledEntry[]> {
  const late = Symbol(), { promise: timeout, resolve } = Promise.withResolvers<typeof late>();
  const timer = setTimeout(resolve, timeoutMs, late);
  try {
    while (true) {
      const { settled, open } = settlements.of(subject, id, waitForRetries);
      if (open.length === 0) return settled;
      if (await Promise.race([settlements.next(), timeout]) !== late) continue;
      const text = `"${subject}" ${id} and the events it caused were not settled within ${formatDuration(timeoutMs)}`;
      throw new Error([`${text}:`, ...open].join("\n  "));
    }
  } finally {
    clearTimeout(timer);
  }
}
