import {
  DiscardPolicy,
  JetStreamApiCodes,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { BoundStream } from "../authoring/streams.ts";
import { covers } from "../rules/subjects.ts";
import { CannotChange, differing, fixed, unlessMissing } from "./in_place.ts";

/** What a stream gets when it is made; what is not declared is its operator's from then on. */
export const NEW_STREAM = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  allow_direct: true,
  max_age: 7 * 86_400_000 * 1e6,
  duplicate_window: 2 * 60_000 * 1e6,
} as const;

/**
 * Makes a stream, or changes what is declared of it in place.
 *
 * @param made what a new one gets besides
 * @throws {CannotChange} naming the fields that only a new stream could have.
 */
export async function ensureStream(
  jsm: JetStreamManager,
  stream: BoundStream,
  replicas: number | undefined,
  made: Partial<StreamConfig>,
): Promise<void> {
  const declared: Partial<StreamConfig> = {
    ...(stream.maxAgeMs !== undefined && { max_age: stream.maxAgeMs * 1e6 }),
    ...(stream.maxBytes !== undefined && { max_bytes: stream.maxBytes }),
    ...(stream.duplicateWindowMs !== undefined && { duplicate_window: stream.duplicateWindowMs * 1e6 }),
    ...(stream.storage !== undefined && { storage: stream.storage as StorageType }),
    ...(replicas !== undefined && { num_replicas: replicas }),
  };
  const { name } = stream, subjects = [...stream.subjects];
  const found = await unlessMissing(jsm.streams.info(name), JetStreamApiCodes.StreamNotFound);
  if (!found) {
    const window = Math.min(NEW_STREAM.duplicate_window, declared.max_age || Infinity);
    await jsm.streams.add({
      ...NEW_STREAM,
      duplicate_window: window,
      num_replicas: 1,
      ...made,
      ...declared,
      name,
      subjects,
    });
    return;
  }
  const { config } = found;
  const fields: string[] = [];
  if (declared.storage && declared.storage !== config.storage) {
    fields.push(fixed("storage", config.storage, declared.storage));
  }
  if (config.mirror) fields.push("mirror: it mirrors another stream, which stores no subjects of its own");
  if (config.sealed) fields.push("sealed: it takes no more messages");
  if (fields.length > 0) throw new CannotChange(fields);
  // Ids are not remembered for longer than events are kept: JetStream refuses to.
  if (declared.max_age && !declared.duplicate_window && config.duplicate_window > declared.max_age) {
    declared.duplicate_window = declared.max_age;
  }
  const has = config.subjects ?? [];
  const missing = subjects.filter((subject) => !has.some((own) => covers(own, subject)));
  const change: Partial<StreamConfig> = { ...differing(declared, config) };
  // JetStream refuses subjects that overlap: one that a new subject covers is replaced by it.
  const kept = has.filter((own) => !missing.some((subject) => covers(subject, own)));
  if (missing.length > 0) change.subjects = [...kept, ...missing];
  if (Object.keys(change).length > 0) await jsm.streams.update(name, change);
}
