import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { differing, unlessMissing } from "../topology/config_diff.ts";
import type { Step } from "../topology/step.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** A key-value bucket of Weir's own: a stream, as NATS KV names it and its keys, so that every tool for KV sees it. */
export interface Bucket {
  readonly name: string;
  readonly config: Partial<StreamConfig>;
}

/** Attempts of redelivered events. What is left of one that is long settled goes by itself. */
export const ATTEMPTS: Bucket = {
  name: "weir_attempts",
  config: { description: "Weir: attempts of redelivered messages", max_age: 7 * 86_400_000 * 1e6 },
};
/** What functions with `idempotency` have handled: each entry has a time to live of its own. */
export const INBOX: Bucket = {
  name: "weir_inbox",
  config: { description: "Weir: events that functions with `idempotency` have handled", allow_msg_ttl: true },
};

/** The stream that a bucket is kept in. */
export function streamOf(bucket: string): string {
  return `KV_${bucket}`;
}

/**
 * What is to be done about a bucket. One that is there, made otherwise, is its operator's business; but claims must be
 * able to end, and it is to be kept as often as streams are.
 *
 * @param replicas undefined: one for a new bucket, and as it is for one that exists
 */
export function planBucket(
  { name, config }: Bucket,
  found: StreamConfig | undefined,
  replicas: number | undefined,
): Step {
  const target = { what: "bucket", name } as const;
  if (!found) return { ...target, kind: "create", config: newBucket(name, config, replicas ?? 1) };
  const changes = differing({ num_replicas: replicas }, found);
  if (config.allow_msg_ttl && !found.allow_msg_ttl) changes.push({ field: "allow_msg_ttl", from: false, to: true });
  return changes.length === 0 ? { ...target, kind: "same" } : { ...target, kind: "update", changes, leftOut: [] };
}

function newBucket(name: string, config: Partial<StreamConfig>, replicas: number) {
  return {
    name: streamOf(name),
    subjects: [`$KV.${name}.>`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    allow_direct: true,
    allow_rollup_hdrs: true,
    num_replicas: replicas,
    ...config,
  };
}

/** A bucket that is there; undefined where there is none. */
export async function openBucket(nc: NatsConnection, jsm: JetStreamManager, name: string): Promise<KV | undefined> {
  const found = await unlessMissing(jsm.streams.info(streamOf(name)), JETSTREAM_CODES.streamNotFound);
  return found && await new Kvm(nc).open(name, { allow_direct: found.config.allow_direct });
}

/** What to say of a bucket that is missing where nothing may be made. */
export function noBucket(name: string): Error {
  return new Error(
    `there is no key-value bucket "${name}", and with --no-apply none is made: ` +
      `make it with \`deno task apply\` if it is Weir's own, else with \`nats kv add ${name}\``,
  );
}
