import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { ServiceUnavailableError } from "../../engine/service_calls.ts";
import { jetstreamManagerOn, jetstreamOn } from "../client/subject_prefixes.ts";
import { applySteps, isRace } from "../topology/apply_steps.ts";
import { findStream } from "../topology/find.ts";
import { ownerProblem, withOwner } from "../topology/owner.ts";
import { planBucket } from "../topology/plan_bucket.ts";
import { type Bucket, bucketStream } from "../topology/resources.ts";

/** Tries to create a bucket before giving up. Only a race with another replica fails a try, and five do not follow. */
const MAX_TRIES = 5;

/**
 * Creates a bucket if it does not exist. Enables message TTLs on an existing bucket that needs them. Returns its stream as
 * it was found; undefined if it did not exist.
 *
 * @param names The names in NATS, and the project whose mark a new bucket gets. Default: no namespace, and no mark.
 */
export async function ensureBucket(
  jsm: JetStreamManager,
  bucket: Bucket,
  replicas: number,
  names: Namespace = NO_NAMESPACE,
): Promise<StreamInfo | undefined> {
  for (let attempt = 1;; attempt++) {
    const found = await findStream(jsm, bucketStream(bucket.name));
    const planned = planBucket(bucket, found?.config, found ? undefined : replicas);
    const step = withOwner(planned, found?.config.metadata, names, "running");
    const [failed] = await applySteps(jsm, [step], () => {});
    if (!failed) return found;
    if (attempt === MAX_TRIES || !isRace(failed)) throw failed.error;
  }
}

/**
 * Opens a bucket.
 *
 * @param names The names in NATS, and the project. Default: no namespace, and no name.
 * @param known Its stream, if the caller has just read it. Default: it is read.
 * @throws {ServiceUnavailableError} when it does not exist: this process may not create it.
 * @throws {Error} when it is another project's.
 */
export async function openBucket(
  nc: NatsConnection,
  name: string,
  names: Namespace = NO_NAMESPACE,
  known?: StreamInfo,
): Promise<KV> {
  const found = known ?? await findStream(await jetstreamManagerOn(nc), bucketStream(name));
  const problem = ownerProblem(found?.config.metadata, names);
  if (problem) throw new Error(`bucket ${name}: ${problem}`);
  if (found) return await new Kvm(jetstreamOn(nc)).open(name, { allow_direct: found.config.allow_direct });
  throw new ServiceUnavailableError(
    `there is no key-value bucket "${name}", and with --no-apply none is created: ` +
      `run \`deno task apply\` if it is Weir's own, else \`deno task apply --bucket NAME\` with the handler's name for it`,
  );
}
