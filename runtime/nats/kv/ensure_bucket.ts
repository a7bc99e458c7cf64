import type { JetStreamManager } from "@nats-io/jetstream";
import { type Bucket, planBucket, streamOf } from "./buckets.ts";
import { applySteps, isRace } from "../topology/apply_steps.ts";
import { unlessMissing } from "../topology/config_diff.ts";
import { isDone } from "../topology/step.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";

/** Another replica may be making it at this moment. */
const ROUNDS = 5;

/** Makes a bucket that is gone, or was never there: one that is there is hardly touched. */
export async function ensureBucket(jsm: JetStreamManager, bucket: Bucket, replicas: number): Promise<void> {
  for (let round = 1;; round++) {
    const found = await unlessMissing(jsm.streams.info(streamOf(bucket.name)), JETSTREAM_CODES.streamNotFound);
    const [failed] = await applySteps(
      jsm,
      [planBucket(bucket, found?.config, found ? undefined : replicas)].filter(isDone),
      () => {},
    );
    if (!failed) return;
    if (round === ROUNDS || !isRace(failed)) throw failed.error;
  }
}
