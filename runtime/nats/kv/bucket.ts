import type { JetStreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { ServiceUnavailableError } from "../../engine/service_calls.ts";
import { jetstreamManagerOn, jetstreamOn } from "../client/subject_prefixes.ts";
import { applySteps, isRace } from "../topology/apply_steps.ts";
import { findStream } from "../topology/find.ts";
import { planBucket } from "../topology/plan_bucket.ts";
import { type Bucket, bucketStream } from "../topology/resources.ts";

/** Tries to create a bucket before giving up. Only a race with another replica fails a try, and five do not follow. */
const MAX_TRIES = 5;

/** Creates a bucket if it does not exist, and enables message TTLs on one that needs them. */
export async function ensureBucket(jsm: JetStreamManager, bucket: Bucket, replicas: number): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const found = await findStream(jsm, bucketStream(bucket.name));
    const step = planBucket(bucket, found?.config, found ? undefined : replicas);
    const [failed] = await applySteps(jsm, [step], () => {});
    if (!failed) return;
    if (attempt === MAX_TRIES || !isRace(failed)) throw failed.error;
  }
}

/** Opens a bucket. @throws {ServiceUnavailableError} when it does not exist: this process may not create it. */
export async function openBucket(nc: NatsConnection, name: string): Promise<KV> {
  const found = await findStream(await jetstreamManagerOn(nc), bucketStream(name));
  if (found) return await new Kvm(jetstreamOn(nc)).open(name, { allow_direct: found.config.allow_direct });
  throw new ServiceUnavailableError(
    `there is no key-value bucket "${name}", and with --no-apply none is created: ` +
      `run \`deno task apply\` if it is Weir's own, else \`nats kv add ${name}\``,
  );
}
