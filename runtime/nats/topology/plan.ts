import type { ConsumerInfo, JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { named } from "../client/is_unavailable.ts";
import { NO_NAMESPACE, partitionIn } from "../../core/namespace.ts";
import { findConsumer, findStream } from "./find.ts";
import { type Beginnings, firstBeginning, metadataWith } from "./beginnings.ts";
import { planBucket } from "./plan_bucket.ts";
import { planConsumer, planNewConsumer } from "./plan_consumer.ts";
import { newSubjects, planStream } from "./plan_stream.ts";
import { isForeign, type Metadata, withOwner } from "./owner.ts";
import { type Origins, planForeignConsumer, planForeignStream, readOrigins } from "./foreign_stream.ts";
import { bucketStream, type DesiredState, type Durable } from "./resources.ts";
import { withPause } from "./pause.ts";
import type { Scope, Step } from "./step.ts";
import { partitionProblem, readPartitionChanges, scopeFor, withPartitions } from "./partition_changes.ts";
import { renameProblem } from "./unfinished_rename.ts";

/** The part of a desired state that exists: streams, including the streams of buckets, and consumers. */
export interface FoundState {
  readonly streams: ReadonlyMap<string, StreamInfo | undefined>;
  readonly consumers: ReadonlyMap<Durable, ConsumerInfo | undefined>;
  /** By the name of a desired stream: the streams that store subjects which it is about to gain. */
  readonly overlaps: ReadonlyMap<string, readonly string[]>;
  /** The origins of the streams that Weir does not own. Default: none. */
  readonly origins?: Origins;
  /** The sequence after which a missing consumer begins. */
  readonly beginsAfter: ReadonlyMap<Durable, number>;
  /** By function: the change of the number of its partitions. Default: none changes. */
  readonly partitionChanges?: Awaited<ReturnType<typeof readPartitionChanges>>;
}

/** Reads the cluster, and returns the plan for it. Changes nothing. @param scope Default: `apply`. */
export async function planTopology(jsm: JetStreamManager, desired: DesiredState, scope?: Scope): Promise<Step[]> {
  return planFound(desired, await readTopology(jsm, desired, scope), scope);
}

/**
 * Reads every stream, bucket and consumer of a desired state. The streams are read first, so that a consumer's position
 * is at least as new as its stream.
 *
 * @param scope With `running`, the origins of streams that Weir does not own are not read: the start has compared them,
 * and reading them may be forbidden. Default: `apply`.
 */
export async function readTopology(
  jsm: JetStreamManager,
  desired: DesiredState,
  scope: Scope = "apply",
): Promise<FoundState> {
  const { durables, floorOf = () => Promise.resolve(undefined) } = desired;
  const streams = new Map<string, StreamInfo | undefined>(), overlaps = new Map<string, readonly string[]>();
  const names = new Set([
    ...desired.streams.map(({ name }) => name),
    ...durables.map(({ stream }) => stream),
    ...desired.foreign.map(({ name }) => name),
    ...desired.buckets.map(({ name }) => bucketStream(name)),
  ]);
  await Promise.all([...names].map(async (name) => void streams.set(name, await findStream(jsm, name))));
  await Promise.all(desired.streams.map(async ({ name, subjects }) => {
    overlaps.set(name, await overlapping(jsm, name, newSubjects(subjects, streams.get(name)?.config)));
  }));
  const foreign = scope === "running" ? [] : desired.foreign.flatMap(({ name }) => streams.get(name)?.config ?? []);
  const origins = await readOrigins(jsm, foreign);
  const consumers = new Map<Durable, ConsumerInfo | undefined>(), beginsAfter = new Map<Durable, number>();
  await Promise.all(durables.map(async (durable) => {
    consumers.set(durable, await findConsumer(jsm, durable.stream, durable.consumer));
  }));
  await Promise.all([...consumers].map(async ([durable, consumer]) => {
    const stream = streams.get(durable.stream);
    if (consumer || !stream) return;
    const settledUpTo = await floorOf(durable, stream), keeper = consumers.get(rememberingOf(durables, durable)!);
    beginsAfter.set(durable, settledUpTo ?? await firstBeginning(jsm, durable, stream, keeper?.config.metadata));
  }));
  const partitionChanges = await readPartitionChanges(jsm, consumers, desired.names ?? NO_NAMESPACE);
  return { streams, consumers, overlaps, origins, beginsAfter, partitionChanges };
}

/**
 * Returns the steps to a desired state, in this order: streams, buckets, consumers. A consumer has no step if a blocked
 * step already tells its problem:
 *
 * - that of its stream, which does not exist or belongs to another project,
 * - that of its function's consumer on RETRIES, if the function's rename is unfinished or its partitions cannot change.
 */
export function planFound(desired: DesiredState, found: FoundState, scope: Scope = "apply"): Step[] {
  const steps = stepsTo(desired, found, scope);
  if (scope !== "apply") return steps;
  const atStart = stepsTo(desired, found, "start");
  return steps.map((step, i) =>
    step.kind === "update" && !sameChanges(step, atStart[i]) && !isOfPartition(step) ? { ...step, narrows: true } : step
  );
}

/** Returns whether a step is of a partition's consumer. Its former filters are of another number, and match no trigger. */
function isOfPartition({ what, name }: Step): boolean {
  return what === "consumer" && partitionIn(name) !== undefined;
}

function sameChanges(step: Step & { kind: "update" }, other: Step): boolean {
  return other.kind === "update" && JSON.stringify(other.changes) === JSON.stringify(step.changes);
}

function stepsTo(desired: DesiredState, found: FoundState, scope: Scope): Step[] {
  const { streams, foreign, buckets, durables, replicas, names = NO_NAMESPACE, takeOver } = desired;
  const owned = (step: Step, existing: { readonly config: { readonly metadata?: Metadata } } | undefined) =>
    withOwner(step, existing?.config.metadata, names, scope, takeOver);
  const declared = (name: string) => streams.some((one) => one.name === name);
  const steps = streams.map((stream) => {
    const overlaps = found.overlaps.get(stream.name)!.map((name) => ({ name, declared: declared(name) }));
    const existing = found.streams.get(stream.name);
    return owned(planStream(stream, existing?.config, replicas, overlaps, scope), existing);
  });
  const foreignSteps = foreign.map((stream) => planForeignStream(stream, found.streams.get(stream.name)));
  const bucketSteps = buckets.map((bucket) => {
    const existing = found.streams.get(bucketStream(bucket.name));
    return owned(planBucket(bucket, existing?.config, replicas, scope), existing);
  });
  const isOwnedByOther = (name: string) => !takeOver && isForeign(found.streams.get(name)?.config.metadata, names);
  const impossible = steps.filter(({ kind, name }) => {
    return kind === "blocked" && (!found.streams.get(name) || isOwnedByOther(name));
  }).map(({ name }) => name);
  const consumerSteps = durables.filter(({ stream }) => !impossible.includes(stream)).flatMap((durable) => {
    const stream = found.streams.get(durable.stream), consumer = found.consumers.get(durable);
    const retries = durables.find((one) =>
      one.functionName === durable.functionName && one.stream === names.retries.stream
    );
    const problem = renameProblem(durable.functionName, retries && found.consumers.get(retries)) ??
      partitionProblem(durable.functionName, found.partitionChanges?.get(durable.functionName));
    if (problem !== undefined) return durable === retries ? blockedBy(durable, problem) : [];
    const hasRun = !retries || found.consumers.get(retries) !== undefined, { origins = new Map() } = found;
    const blocked = foreign.some(({ name }) => name === durable.stream) &&
      planForeignConsumer(durable, { stream, origins, consumer, hasRun });
    if (blocked) return blocked;
    const remembered = durable.remembers &&
      metadataWith(consumer?.config.metadata, beginningsOf(durable, durables, found));
    const metadata = withPartitions(durable, remembered, consumer?.config.metadata);
    const step = consumer
      ? planConsumer(durable, consumer.config, stream, scopeFor(scope, durable, consumer), metadata)
      : planNewConsumer(durable, stream, found.beginsAfter.get(durable) ?? 0, metadata);
    return owned(step, consumer);
  });
  return [...steps, ...foreignSteps, ...bucketSteps, ...consumerSteps.map((step) => withPause(step, found, names))];
}

function blockedBy({ consumer: name, stream }: Durable, problem: string): Step {
  return { what: "consumer", name, stream, kind: "blocked", problems: [problem] };
}

/**
 * Returns where a function has begun, or begins by this plan, on each stream that its consumer on RETRIES remembers.
 */
function beginningsOf({ functionName }: Durable, durables: readonly Durable[], found: FoundState): Beginnings {
  const own = durables.filter((one) => one.functionName === functionName && one.from !== undefined);
  return new Map(own.map((durable) => {
    const sequence = found.consumers.get(durable)?.config.opt_start_seq ?? (found.beginsAfter.get(durable) ?? 0) + 1;
    return [durable.stream, { sequence, created: found.streams.get(durable.stream)?.created }];
  }));
}

/** Returns the function's consumer on RETRIES if its metadata says where this consumer began. */
function rememberingOf(durables: readonly Durable[], { functionName, stream }: Durable): Durable | undefined {
  return durables.find((one) => one.functionName === functionName && one.remembers?.includes(stream));
}

/** Returns the other streams that store any of these subjects. */
async function overlapping(jsm: JetStreamManager, stream: string, subjects: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const subject of subjects) {
    const found = await named(`the streams of ${subject}`, Array.fromAsync(jsm.streams.names(subject)));
    for (const name of found) if (name !== stream) names.add(name);
  }
  return [...names];
}
