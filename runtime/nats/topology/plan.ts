import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { findConsumer, findStream } from "./find.ts";
import { withEventImpact } from "./event_impact.ts";
import { planBucket } from "./plan_bucket.ts";
import { planConsumer, planNewConsumer } from "./plan_consumer.ts";
import { newSubjects, planStream } from "./plan_stream.ts";
import { bucketStream, type DesiredState } from "./resources.ts";
import type { Step } from "./step.ts";
import { planUndeclared } from "./plan_undeclared.ts";

/**
 * Returns the plan that people read: what a start would do, how that affects stored events, and what the cluster holds
 * besides. Changes nothing.
 *
 * @param functionNames The functions of the whole project, also those that this process does not run.
 */
export async function planCluster(
  nc: NatsConnection,
  jsm: JetStreamManager,
  desired: DesiredState,
  functionNames: readonly string[],
): Promise<Step[]> {
  const own = await Promise.all((await planTopology(jsm, desired)).map((step) => withEventImpact(nc, jsm, step)));
  return [...own, ...await planUndeclared(nc, jsm, desired, functionNames)];
}

/**
 * Returns what a start would do, in this order: streams, buckets, consumers. Changes nothing. A consumer on a stream
 * that is blocked and does not exist has no step, since it would only repeat the stream's problem.
 */
export async function planTopology(jsm: JetStreamManager, desired: DesiredState): Promise<Step[]> {
  const { streams, buckets, durables, replicas, floorOf = () => undefined } = desired;
  const found = new Map<string, StreamInfo | undefined>();
  const names = new Set([...streams.map(({ name }) => name), ...durables.map(({ stream }) => stream)]);
  await Promise.all([...names].map(async (name) => void found.set(name, await findStream(jsm, name))));
  const steps = await Promise.all(streams.map(async (stream) => {
    const config = found.get(stream.name)?.config;
    const overlaps = await overlapping(jsm, stream.name, newSubjects(stream.subjects, config));
    const declared = (name: string) => streams.some((one) => one.name === name);
    return planStream(stream, config, replicas, overlaps.map((name) => ({ name, declared: declared(name) })));
  }));
  const bucketSteps = buckets.map(async (bucket) =>
    planBucket(bucket, (await findStream(jsm, bucketStream(bucket.name)))?.config, replicas)
  );
  const impossible = steps.filter(({ kind, name }) => kind === "blocked" && !found.get(name)).map(({ name }) => name);
  const consumerSteps = durables.filter(({ stream }) => !impossible.includes(stream)).map(async (durable) => {
    const stream = found.get(durable.stream), consumer = await findConsumer(jsm, durable.stream, durable.functionName);
    return consumer
      ? planConsumer(durable, consumer.config, stream)
      : planNewConsumer(durable, stream, floorOf(durable));
  });
  return [...steps, ...await Promise.all([...bucketSteps, ...consumerSteps])]; // all at once: several may fail
}

/** Returns the other streams that store any of these subjects. */
async function overlapping(jsm: JetStreamManager, stream: string, subjects: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const subject of subjects) {
    for await (const name of jsm.streams.names(subject)) if (name !== stream) names.add(name);
  }
  return [...names];
}
