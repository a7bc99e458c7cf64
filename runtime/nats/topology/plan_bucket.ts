import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { configDiff, raises } from "./config_diff.ts";
import { storingChanges } from "./plan_stream.ts";
import { type Bucket, bucketStream } from "./resources.ts";
import type { Scope, Step } from "./step.ts";

/**
 * Returns the step for a bucket. The settings of an existing bucket are its operator's, except for the number of
 * replicas, for its subjects, and for message TTLs, which end the claims of the idempotency store.
 *
 * @param found The bucket's stream, if it exists.
 * @param replicas Desired replicas. Default: 1 for a new bucket, and unchanged for an existing one.
 * @param scope Default: `apply`.
 */
export function planBucket(
  { name, config }: Bucket,
  found: StreamConfig | undefined,
  replicas?: number,
  scope: Scope = "apply",
): Step {
  const target = { what: "bucket", name } as const;
  if (!found) return { ...target, kind: "create", config: newBucket(name, config, replicas ?? 1) };
  const changes = configDiff({ num_replicas: replicas }, found)
    .filter((change) => scope === "apply" || scope === "start" && raises(change));
  if (!found.mirror) changes.push(...storingChanges(subjectsOf(name), found));
  if (config.allow_msg_ttl && !found.allow_msg_ttl) changes.push({ field: "allow_msg_ttl", from: false, to: true });
  return changes.length === 0 ? { ...target, kind: "same" } : { ...target, kind: "update", changes, leftOut: [] };
}

function subjectsOf(name: string): string[] {
  return [`$KV.${name}.>`];
}

/** Returns the stream configuration with which NATS KV clients create a bucket. */
function newBucket(name: string, config: Partial<StreamConfig>, replicas: number) {
  return {
    name: bucketStream(name),
    subjects: subjectsOf(name),
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
