import type { Fault } from "./faults.ts";
import type { Effect } from "./ledger.ts";
import { kindOf } from "./workload.ts";

/** The event, function and reason of a dead letter. */
export interface Dead {
  readonly n: number;
  readonly fn: string;
  readonly reason: string;
}

/** Everything observed in a trial, collected once all events are settled. */
export interface Evidence {
  readonly sent: number;
  readonly effects: readonly Effect[];
  /** The `n` of every published message, in the order of the stream. */
  readonly asked: readonly number[];
  readonly answered: readonly number[];
  readonly dead: readonly Dead[];
  readonly faults: readonly Fault[];
}

/** A repeated effect, and the fault that explains it. */
export interface Repeat {
  readonly first: Effect;
  readonly again: Effect;
  readonly because: Fault | undefined;
}

/** The fate of every event. Lists hold the numbers of events. */
export interface Account {
  readonly sent: number;
  /** Events with an effect, a stored answer, and an effect of that answer. */
  readonly handled: number;
  readonly dead: Readonly<Record<string, number>>;
  readonly lost: readonly number[];
  readonly handledAndDead: readonly number[];
  /** Events whose end does not match their kind. */
  readonly misplaced: readonly number[];
  readonly repeats: readonly Repeat[];
  /** Events stored twice under the same id. */
  readonly duplicatesAsked: readonly number[];
  readonly duplicatesAnswered: readonly number[];
}

/** Determines how every published event ended. */
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

/** Returns every effect after the first of the same function for the same event. */
export function repeatsOf(effects: readonly Effect[], faults: readonly Fault[]): Repeat[] {
  const firsts = new Map<string, Effect>();
  return effects.flatMap((again) => {
    const key = `${again.fn} ${again.n}`, first = firsts.get(key);
    if (first) return [{ first, again, because: faults.find((fault) => explains(fault, first, again)) }];
    firsts.set(key, again);
    return [];
  });
}

/** Bounds the time from an effect to the arrival of its ack, and the delay of its recording. */
const UNSETTLED_MS = 2_000;
/** A stop this long may outlast a lease: the ack wait is 15 s, and the last in-progress ack may be 5 s old. */
const LONG_STOP_MS = 9_500;

/** Returns whether a fault explains a repeated effect: it must hit between the first effect and its ack. */
export function explains(fault: Fault, first: Effect, again: Effect): boolean {
  const around = fault.atMs - UNSETTLED_MS <= first.atMs && first.atMs <= fault.overMs + UNSETTLED_MS;
  switch (fault.kind) {
    case "runtime kill -9":
      return fault.pid === first.pid && Math.abs(fault.atMs - first.atMs) <= UNSETTLED_MS;
    case "runtime stop":
      return around && fault.overMs - fault.atMs >= LONG_STOP_MS && [first.pid, again.pid].includes(fault.pid);
    case "runtime SIGTERM": // a shutdown naks what it cannot finish: no effect may be repeated
    case "server stop": // shorter than the ack wait: acks are only late
      return false;
    default:
      return around;
  }
}
