import type { Fault } from "./faults.ts";
import type { Effect } from "./ledger.ts";
import { kindOf } from "./workload.ts";

/** A dead letter, as far as it matters here. */
export interface Dead {
  readonly n: number;
  readonly fn: string;
  readonly reason: string;
}

/** Everything that is known when all is quiet again. */
export interface Evidence {
  readonly sent: number;
  readonly effects: readonly Effect[];
  /** The `n` of every message in the stream, in its order. */
  readonly asked: readonly number[];
  readonly answered: readonly number[];
  readonly dead: readonly Dead[];
  readonly faults: readonly Fault[];
}

/** An effect that was seen before, and the fault that made it happen again. */
export interface Repeat {
  readonly first: Effect;
  readonly again: Effect;
  readonly because: Fault | undefined;
}

/** What became of every event. Lists hold the numbers of the events. */
export interface Account {
  readonly sent: number;
  /** Those with an effect, a stored answer, and an effect of that in turn. */
  readonly handled: number;
  readonly dead: Readonly<Record<string, number>>;
  readonly lost: readonly number[];
  readonly handledAndDead: readonly number[];
  /** Those that ended otherwise than their kind says. */
  readonly misplaced: readonly number[];
  readonly repeats: readonly Repeat[];
  /** Stored twice though the id was the same. */
  readonly duplicatesAsked: readonly number[];
  readonly duplicatesAnswered: readonly number[];
}

/** Says of every event that was sent where it ended. */
export function account({ sent, effects, asked, answered, dead, faults }: Evidence): Account {
  const worked = new Set(effects.filter(({ fn }) => fn === "answer").map(({ n }) => n));
  const followed = new Set(effects.filter(({ fn }) => fn === "follow").map(({ n }) => n));
  const stored = new Set(answered);
  const reasons = new Map(dead.map(({ n, fn, reason }) => [n, fn === "answer" ? reason : `${reason} of ${fn}`]));
  const lost: number[] = [], handledAndDead: number[] = [], misplaced: number[] = [];
  let handled = 0;
  for (let n = 0; n < sent; n++) {
    const isHandled = worked.has(n) && stored.has(n) && followed.has(n), reason = reasons.get(n);
    if (isHandled) handled++;
    if (!isHandled && reason === undefined) lost.push(n);
    else if ((isHandled || worked.has(n)) && reason !== undefined) handledAndDead.push(n);
    else if (reason !== expectedReason(n)) misplaced.push(n);
  }
  const tally: Record<string, number> = {};
  for (const reason of reasons.values()) tally[reason] = (tally[reason] ?? 0) + 1;
  return {
    sent,
    handled,
    dead: tally,
    lost,
    handledAndDead,
    misplaced,
    repeats: repeatsOf(effects, faults),
    duplicatesAsked: duplicatesOf(asked),
    duplicatesAnswered: duplicatesOf(answered),
  };
}

function expectedReason(n: number): string | undefined {
  const kind = kindOf(n);
  return kind === "rejected" || kind === "invalid" ? kind : undefined;
}

function duplicatesOf(numbers: readonly number[]): number[] {
  const seen = new Set<number>();
  return numbers.filter((n) => seen.size === seen.add(n).size);
}

/** Every effect after the first of the same function for the same event. */
export function repeatsOf(effects: readonly Effect[], faults: readonly Fault[]): Repeat[] {
  const firsts = new Map<string, Effect>();
  return effects.flatMap((again) => {
    const key = `${again.fn} ${again.n}`, first = firsts.get(key);
    if (first) return [{ first, again, because: faults.find((fault) => explains(fault, first, again)) }];
    firsts.set(key, again);
    return [];
  });
}

/** Between an effect and the moment its ack is safe; also how late an effect may be written down here. */
const UNSETTLED_MS = 2_000;
/** The server waits 15 s for a sign of life, and the last one may be 5 s old when a process is stopped. */
const LONG_STOP_MS = 9_500;

/** Whether a fault is why an effect happened again: it must have come between the first one and its ack. */
export function explains(fault: Fault, first: Effect, again: Effect): boolean {
  const around = fault.atMs - UNSETTLED_MS <= first.atMs && first.atMs <= fault.overMs + UNSETTLED_MS;
  switch (fault.kind) {
    case "runtime kill -9":
      return fault.pid === first.pid && Math.abs(fault.atMs - first.atMs) <= UNSETTLED_MS;
    case "runtime stop":
      return around && fault.overMs - fault.atMs >= LONG_STOP_MS && [first.pid, again.pid].includes(fault.pid);
    case "runtime SIGTERM": // what it cannot finish it gives back: nothing may happen twice
    case "broker stop": // shorter than the wait for an ack: every ack is only late
      return false;
    default:
      return around;
  }
}
