import {
  type ConsumerInfo,
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  type StreamInfo,
} from "@nats-io/jetstream";
import type { ResolvedStream } from "../../project/resolve_streams.ts";
import { type Bucket, planBucket, streamOf } from "../kv/buckets.ts";
import { DEAD_LETTERS } from "../dead_letters/dead_letters.ts";
import { unlessMissing } from "./config_diff.ts";
import type { Step } from "./step.ts";
import { type Durable, type Floor, planConsumer, planNewConsumer } from "./plan_consumer.ts";
import { newSubjects, planStream, type WantedStream } from "./plan_stream.ts";
import { RETRIES } from "../retry/retry_stream.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** Everything that a process needs of a cluster. */
export interface DesiredState {
  readonly streams: readonly ResolvedStream[];
  readonly durables: readonly Durable[];
  readonly buckets?: readonly Bucket[];
  /** Of streams and buckets. Undefined: one for a new stream, and as it is for one that exists. */
  readonly replicas?: number;
  /** Where a consumer that is gone begins again. Undefined: at the start of its stream. */
  readonly floorOf?: (durable: Durable) => Floor | undefined;
}

/** Weir's own streams, and what they are made with. Neither has an age limit: what is in them waits for somebody. */
const OWN_STREAMS: readonly WantedStream[] = [
  { name: DEAD_LETTERS.stream, subjects: DEAD_LETTERS.subjects, made: { max_age: 0 } },
  {
    name: RETRIES.stream,
    subjects: RETRIES.subjects,
    made: {
      max_age: 0,
      retention: RetentionPolicy.Workqueue,
      allow_msg_schedules: true,
      discard: DiscardPolicy.Old, // the only one that goes with schedules; without limits it drops nothing
    },
  },
];

/**
 * What a start would do, in the order it would do it: streams, buckets, consumers. Reads, and changes nothing.
 *
 * Of consumers on a stream that is blocked, and not there, nothing is said: they would only repeat why.
 */
export async function planTopology(jsm: JetStreamManager, wanted: DesiredState): Promise<Step[]> {
  const { replicas, floorOf = () => undefined } = wanted;
  const streams: readonly WantedStream[] = [...wanted.streams, ...OWN_STREAMS];
  const homes = new Map<string, StreamInfo | undefined>();
  const names = new Set([...streams.map(({ name }) => name), ...wanted.durables.map(({ stream }) => stream)]);
  await Promise.all([...names].map(async (name) => void homes.set(name, await readStream(jsm, name))));
  const steps = await Promise.all(streams.map(async (stream) => {
    const found = homes.get(stream.name)?.config;
    const others = await inTheWay(jsm, stream.name, newSubjects(stream.subjects, found));
    const ours = (name: string) => streams.some((one) => one.name === name);
    return planStream(stream, found, replicas, others.map((name) => ({ name, ours: ours(name) })));
  }));
  const buckets = (wanted.buckets ?? []).map(async (bucket) =>
    planBucket(bucket, (await readStream(jsm, streamOf(bucket.name)))?.config, replicas)
  );
  const hopeless = steps.filter(({ kind, name }) => kind === "blocked" && !homes.get(name)).map(({ name }) => name);
  const consumers = wanted.durables.filter(({ stream }) => !hopeless.includes(stream)).map(async (durable) => {
    const home = homes.get(durable.stream), found = await readConsumer(jsm, durable.stream, durable.functionName);
    return found ? planConsumer(durable, found.config, home) : planNewConsumer(durable, home, floorOf(durable));
  });
  return [...steps, ...await Promise.all(buckets), ...await Promise.all(consumers)];
}

function readStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  return unlessMissing(jsm.streams.info(name), JETSTREAM_CODES.streamNotFound);
}

/** Undefined also where there is no such stream. */
export function readConsumer(jsm: JetStreamManager, stream: string, name: string): Promise<ConsumerInfo | undefined> {
  const found = unlessMissing(jsm.consumers.info(stream, name), JETSTREAM_CODES.consumerNotFound);
  return unlessMissing(found, JETSTREAM_CODES.streamNotFound);
}

/** Other streams that store some of these subjects. */
async function inTheWay(jsm: JetStreamManager, name: string, subjects: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const subject of subjects) {
    for await (const other of jsm.streams.names(subject)) if (other !== name) names.add(other);
  }
  return [...names];
}
