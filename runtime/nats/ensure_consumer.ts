import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiCodes,
  type JetStreamManager,
  RetentionPolicy,
} from "@nats-io/jetstream";
import { ACK_WAIT_MS } from "./ack_wait.ts";
import { CannotChange, differing, fixed, unlessMissing } from "./in_place.ts";

/** A durable consumer of one function on one stream. */
export interface Durable {
  readonly functionName: string;
  readonly stream: string;
  readonly filters: readonly string[];
}

/** Up to where a consumer has settled everything, and in which life of its stream. */
export interface Floor {
  readonly settledUpTo: number;
  readonly streamCreated: string;
}

/**
 * Makes a function's consumer, or changes in place what Weir owns of it.
 *
 * @param floor where one that is gone begins again; undefined: at the start of its stream
 * @returns how many stored events wait for one that it made; undefined for one that was there
 * @throws {CannotChange} naming the fields that only a new consumer could have.
 */
export async function ensureConsumer(
  jsm: JetStreamManager,
  { functionName, stream, filters }: Durable,
  floor?: Floor,
): Promise<number | undefined> {
  const owned = {
    filter_subjects: [...filters],
    ack_wait: ACK_WAIT_MS * 1e6,
    // The policy decides when it is enough. At a limit of the server's the message would be stranded, unseen.
    max_deliver: -1,
  };
  const found = await unlessMissing(
    jsm.consumers.info(stream, functionName),
    JetStreamApiCodes.ConsumerNotFound,
  );
  if (!found) {
    // A stream made since then is another one under the old name: all of it is still to be handled.
    const { created, config } = await jsm.streams.info(stream);
    const resume = floor !== undefined && floor.settledUpTo > 0 && floor.streamCreated === created &&
      config.retention === RetentionPolicy.Limits;
    const { num_pending } = await jsm.consumers.add(stream, {
      ...owned,
      durable_name: functionName,
      ack_policy: AckPolicy.Explicit,
      ...(resume
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: floor.settledUpTo + 1 }
        : { deliver_policy: DeliverPolicy.All }),
    });
    return num_pending;
  }
  const { config } = found;
  const fields: string[] = [];
  if (config.ack_policy !== AckPolicy.Explicit) {
    fields.push(fixed("ack_policy", config.ack_policy, AckPolicy.Explicit));
  }
  if (config.deliver_subject) {
    fields.push(fixed("deliver_subject", config.deliver_subject, "none (a pull consumer)"));
  }
  if (fields.length > 0) throw new CannotChange(fields);
  const change: Partial<ConsumerConfig> = differing({
    ack_wait: owned.ack_wait,
    max_deliver: owned.max_deliver,
  }, config);
  if (!sameFilters(found, owned.filter_subjects)) {
    change.filter_subjects = owned.filter_subjects;
    if (config.filter_subject) change.filter_subject = undefined;
  }
  if (config.headers_only) change.headers_only = false;
  // The consumer's own backoff adds to the delay that we ask for: the policy's would never be kept.
  if (config.backoff && config.backoff.length > 0) change.backoff = [];
  if (Object.keys(change).length > 0) await jsm.consumers.update(stream, functionName, change);
  return undefined;
}

function sameFilters({ config }: ConsumerInfo, wanted: readonly string[]): boolean {
  const has = config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : []);
  return has.length === wanted.length && wanted.every((filter) => has.includes(filter));
}
