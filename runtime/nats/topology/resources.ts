import type { StreamConfig, StreamInfo } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import type { Beginning } from "../../project/resolve_policy.ts";
import type { ResolvedStream } from "../../project/resolve_streams.ts";

/**
 * The streams, buckets, durable consumers and NATS permissions that one part of Weir needs. Each part declares its own
 * in the `resources.ts` of its folder. `plan`, `apply`, `doctor` and the permission blocks in `deploy/README.md` read
 * the same list.
 */
export interface Resources {
  readonly streams?: readonly DesiredStream[];
  readonly foreign?: readonly ForeignStream[];
  readonly buckets?: readonly Bucket[];
  readonly durables?: readonly Durable[];
  /** Further permissions. {@linkcode permissionsOf} derives the others from the streams, buckets and durables. */
  readonly permissions?: readonly Permission[];
}

export interface DesiredStream extends ResolvedStream {
  /** Settings of a new stream. Once the stream exists, an operator may change them. */
  readonly initial?: Partial<StreamConfig>;
}

/** A stream that Weir does not own: it is never created, changed or deleted. */
export interface ForeignStream {
  readonly name: string;
  /**
   * Event types that the project publishes into the stream. `by` names the publisher, such as `functions/ship.ts emits
   * it`.
   */
  readonly publishes: readonly { readonly type: string; readonly by: string }[];
}

/** A key-value bucket. It is a stream with the name and the layout of NATS KV, so that every KV tool can read it. */
export interface Bucket {
  readonly name: string;
  readonly config: Partial<StreamConfig>;
}

/** The durable consumer of one function on one stream. */
export interface Durable {
  readonly functionName: string;
  /** Name of the consumer: the function's name, after the prefix of the namespace if there is one. */
  readonly consumer: string;
  readonly stream: string;
  readonly filters: readonly string[];
  /** True if it delivers to one process at a time: its function has `order`. @default false */
  readonly isPinned?: true;
  /** The partition of its function that it is of. Default: it is of the whole function. */
  readonly partition?: number;
  /** Number of the function's partitions, which the consumer's metadata record. Default: none. */
  readonly partitions?: number;
  /** The stored events with which the consumer begins if it never existed. Default: all. */
  readonly from?: Exclude<Beginning, "all">;
  /**
   * The streams on which the function has the option `from`. Only the function's consumer on RETRIES has this list: its
   * metadata remember where the function began on them. Default: none.
   */
  readonly remembers?: readonly string[];
}

/** A subject that Weir's NATS user must be allowed to publish or subscribe to. */
export interface Permission {
  readonly action: "publish" | "subscribe";
  readonly subject: string;
  /** The end of the sentence "Weir needs it …". */
  readonly purpose: string;
  /** True if events are also handled without the permission, with less certainty or visibility. */
  readonly optional?: true;
}

/** Everything that a process needs to exist in JetStream. */
export interface DesiredState extends Required<Omit<Resources, "permissions">> {
  /** The names in NATS, and the project whose mark is put on what is created. Default: no namespace, and no mark. */
  readonly names?: Namespace;
  /** Whether this project takes over what has the mark of another, as after a change of its name. @default false */
  readonly takeOver?: boolean;
  /** Number of replicas of streams and buckets. Default: 1 when they are created, and later unchanged. */
  readonly replicas?: number;
  /**
   * Returns the sequence up to which a deleted consumer had settled everything, or undefined for a consumer that was
   * never found. Default: undefined for every consumer.
   */
  readonly floorOf?: (durable: Durable, stream: StreamInfo) => Promise<number | undefined>;
}

/** Returns a bucket of Weir with the name that it has in NATS. */
export function namedBucket(bucket: Bucket, names: Namespace): Bucket {
  return { ...bucket, name: names.bucket(bucket.name) };
}

/** Returns the buckets that handlers open with `ctx.kv`, by the names that handlers use. */
export function handlerBuckets(opened: readonly string[], names: Namespace): Bucket[] {
  return opened.map((name) => namedBucket({ name, config: {} }, names));
}

export function bucketStream(bucket: string): string {
  return `KV_${bucket}`;
}

/** Returns the desired state that several parts need together. */
export function combine(parts: readonly Resources[]): DesiredState {
  return {
    streams: parts.flatMap(({ streams = [] }) => streams),
    foreign: parts.flatMap(({ foreign = [] }) => foreign),
    durables: parts.flatMap(({ durables = [] }) => durables),
    buckets: parts.flatMap(({ buckets = [] }) => buckets),
  };
}

/** Returns the names of all streams of a desired state, including the streams of buckets. */
export function streamNames({ streams, buckets }: DesiredState): string[] {
  return [...streams.map(({ name }) => name), ...buckets.map(({ name }) => bucketStream(name))];
}
