import { DiscardPolicy, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { covers } from "../../core/subjects.ts";
import { serverTime } from "../client/server_time.ts";
import { type Counted, countMessages } from "../inspect/count_messages.ts";
import { filtersOf } from "./plan_consumer.ts";
import type { SkippedEvents, Step, StepOf } from "./step.ts";

/**
 * Adds the effect on stored events to a step, as counted by the server. Only the plan that people read needs it: the
 * effect does not change what is applied.
 */
export async function withEventImpact(nc: NatsConnection, jsm: JetStreamManager, step: Step): Promise<Step> {
  if (step.kind === "create" && step.what === "consumer") return await withWaiting(nc, jsm, step);
  if (step.kind !== "update") return step;
  const leftOut = step.what === "consumer"
    ? await skippedByFilters(nc, jsm, step.stream, step)
    : step.what === "stream"
    ? await skippedByLimits(nc, jsm, step)
    : [];
  return { ...step, leftOut };
}

async function withWaiting(
  nc: NatsConnection,
  jsm: JetStreamManager,
  step: StepOf<"create"> & { what: "consumer" },
): Promise<Step> {
  if (step.waiting !== undefined) return step;
  const { stream, config: { filter_subjects: subjects = [], opt_start_seq: from } } = step;
  // At once, as in `skippedByFilters`.
  const firsts = from === undefined ? [from] : [from, undefined];
  const [waiting, stored] = await Promise.all(firsts.map((first) => countAll(nc, jsm, stream, subjects, first)));
  if (waiting === undefined) return step;
  const skipped = stored === undefined ? 0 : stored - waiting;
  return { ...step, waiting, ...(skipped > 0 && { skipped }) };
}

/** Returns the number of messages of several subjects, or undefined if any of the subjects cannot be counted. */
async function countAll(
  nc: NatsConnection,
  jsm: JetStreamManager,
  stream: string,
  subjects: readonly string[],
  from?: number,
): Promise<number | undefined> {
  const counts = await Promise.all(subjects.map((subject) => count(nc, jsm, { stream, subject, from })));
  return counts.every((one) => one !== undefined) ? counts.reduce((sum, one) => sum + one, 0) : undefined;
}

/**
 * Returns the events that a change of filters skips. The consumer keeps its position, so it skips the events of an
 * added subject that are before the position, and the events of a removed subject that are after it. The position is
 * just before the next message to deliver: a consumer has usually examined everything up to there.
 */
async function skippedByFilters(
  nc: NatsConnection,
  jsm: JetStreamManager,
  stream: string,
  { name, changes }: StepOf<"update">,
): Promise<SkippedEvents[]> {
  const filters = changes.find(({ field }) => field === "filter_subjects");
  if (!filters) return [];
  const { config, delivered } = await jsm.consumers.info(stream, name);
  const found = filtersOf(config).length > 0 ? filtersOf(config) : [">"], desired = filters.to as readonly string[];
  const ahead = delivered.stream_seq + 1;
  const nexts = await Promise.all(found.map((subject) => nextSequence(jsm, stream, subject, ahead)));
  const position = Math.min(...nexts, (await jsm.streams.info(stream)).state.last_seq + 1);
  const countBehind = async (subject: string) => {
    // At once: an event that is stored between the two would be missing in the difference.
    const counts = [{ stream, subject }, { stream, subject, from: position }].map((what) => count(nc, jsm, what));
    const [all, rest] = await Promise.all(counts);
    return all === undefined || rest === undefined ? undefined : all - rest;
  };
  const countAhead = (subject: string) => count(nc, jsm, { stream, subject, from: ahead });
  return [
    ...await countDifference("older", desired, found, countBehind),
    ...await countDifference("removed", found, desired, countAhead),
  ];
}

/**
 * Returns the `subjects` that none of the `others` covers, each with the number of its events that match none of the
 * `others`.
 */
async function countDifference(
  why: SkippedEvents["why"],
  subjects: readonly string[],
  others: readonly string[],
  countOf: (subject: string) => Promise<number | undefined>,
): Promise<SkippedEvents[]> {
  const only = subjects.filter((subject) => !others.some((other) => covers(other, subject)));
  const counted = await Promise.all(only.map(async (subject) => {
    const parts = others.filter((other) => covers(subject, other));
    const [all, ...rest] = await Promise.all([subject, ...parts].map(countOf));
    const known = all !== undefined && rest.every((one) => one !== undefined);
    return { why, subject, events: known ? rest.reduce((left, one) => left - one, all) : undefined };
  }));
  return counted.filter(({ events }) => events !== 0);
}

/** Returns the events that lowered limits delete, or that a full stream will reject. */
async function skippedByLimits(
  nc: NatsConnection,
  jsm: JetStreamManager,
  step: StepOf<"update">,
): Promise<SkippedEvents[]> {
  const lowered = (field: string) => {
    const { from, to } = step.changes.find((change) => change.field === field) ?? {};
    const limit = Number(to ?? 0), before = Number(from ?? 0);
    return limit > 0 && (before <= 0 || limit < before) ? limit : undefined;
  };
  const maxAge = lowered("max_age"), maxBytes = lowered("max_bytes"), skipped: SkippedEvents[] = [];
  if (maxAge === undefined && maxBytes === undefined) return skipped;
  const info = await jsm.streams.info(step.name), { state, config } = info;
  if (maxAge !== undefined) {
    const sinceMs = serverTime(info) - maxAge / 1e6;
    const kept = await count(nc, jsm, { stream: step.name, subject: ">", sinceMs });
    const events = kept === undefined ? undefined : state.messages - kept;
    if (events !== 0) skipped.push({ why: "expired", subject: ">", events });
  }
  if (maxBytes !== undefined && state.bytes > maxBytes) {
    skipped.push({ why: config.discard === DiscardPolicy.New ? "full" : "oversize", subject: ">", events: undefined });
  }
  return skipped;
}

/** Returns the sequence of the first message of a subject from `seq` on; Infinity when there is none. */
async function nextSequence(jsm: JetStreamManager, stream: string, subject: string, seq: number): Promise<number> {
  const message = await jsm.streams.getMessage(stream, { seq, next_by_subj: subject } as { seq: number });
  return message?.seq ?? Infinity;
}

/**
 * Returns the number of messages. If the stream allows no direct reads, the server counts only all messages of a
 * subject, from the first on. A count that begins later is then undefined, unless it begins after the last message: 0.
 */
async function count(nc: NatsConnection, jsm: JetStreamManager, counted: Counted): Promise<number | undefined> {
  const { stream, subject, from = 1, sinceMs } = counted;
  try {
    return await countMessages(nc, counted);
  } catch {
    if (from > 1 && from > (await jsm.streams.info(stream)).state.last_seq) return 0;
    if (from > 1 || sinceMs !== undefined) return undefined;
    const { state } = await jsm.streams.info(stream, { subjects_filter: subject });
    return Object.values(state.subjects ?? {}).reduce((sum, one) => sum + one, 0);
  }
}
