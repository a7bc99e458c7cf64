import { AckPolicy, type ConsumerInfo, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { retryDurable } from "../retry/resources.ts";
import { findConsumer } from "../topology/find.ts";
import { markIn } from "../topology/owner.ts";
import { pausedUntil } from "../topology/pause.ts";
import { filtersOf } from "../topology/plan_consumer.ts";
import { RENAME } from "../topology/unfinished_rename.ts";

/** A consumer to move, as it was when the rename began. */
export interface MovedConsumer {
  readonly stream: string;
  readonly filters: readonly string[];
  /** Last sequence that the old consumer delivered. The new consumer begins after it. */
  readonly delivered: number;
}

/** A rename of a function. It is stored before anything is moved, so that an interrupted rename can continue. */
export interface RenamePlan {
  readonly from: string;
  readonly consumers: readonly MovedConsumer[];
}

/** Returns the unfinished rename by which a consumer on RETRIES came to be; undefined for any other consumer. */
export function renameOf(info: ConsumerInfo): RenamePlan | undefined {
  const text = info.config.metadata?.[RENAME.plan];
  return text ? JSON.parse(text) : undefined;
}

/**
 * Creates the new function's consumer on RETRIES, which stores the plan.
 *
 * @param old The consumers of the old name, the one on RETRIES first.
 */
export async function beginRename(
  jsm: JetStreamManager,
  [retries, ...others]: readonly ConsumerInfo[],
  to: string,
  names: Namespace,
): Promise<RenamePlan> {
  const plan: RenamePlan = {
    from: names.functionOf(retries.name),
    consumers: others.map(({ stream_name: stream, config, delivered }) => ({
      stream,
      filters: filtersOf(config),
      delivered: delivered.stream_seq,
    })),
  };
  const { stream, consumer, filters } = retryDurable(to, names);
  await jsm.consumers.add(stream, {
    ...copiedSettings(retries),
    durable_name: consumer,
    filter_subjects: [...filters],
    deliver_policy: DeliverPolicy.All,
    metadata: { ...ownMetadata(retries), [RENAME.plan]: JSON.stringify(plan) },
  });
  return plan;
}

/** Marks the old function's consumer on RETRIES, so that no process starts under that name meanwhile. */
export async function markRenamed(jsm: JetStreamManager, from: string, to: string, names: Namespace): Promise<void> {
  const { stream } = names.retries, info = await findConsumer(jsm, stream, names.consumer(from));
  if (!info || info.config.metadata?.[RENAME.to] === to) return;
  await jsm.consumers.update(stream, info.name, { metadata: { ...ownMetadata(info), [RENAME.to]: to } });
}

/**
 * Creates the new function's consumer on a stream, if it does not exist. It begins after what the old one was
 * delivered.
 */
export async function createRenamed(
  jsm: JetStreamManager,
  to: string,
  { stream, filters, delivered }: MovedConsumer,
  old: ConsumerInfo | undefined,
  isQueue: boolean,
  names: Namespace,
): Promise<void> {
  const consumer = names.consumer(to);
  if (await findConsumer(jsm, stream, consumer)) return;
  const retries = await jsm.consumers.info(names.retries.stream, consumer); // it has the mark of the old name
  const pause_until = pausedUntil(retries), metadata = markIn(retries.config.metadata);
  await jsm.consumers.add(stream, {
    ...(old && copiedSettings(old)),
    ...(pause_until && { pause_until }),
    ...(metadata && { metadata }),
    durable_name: consumer,
    ack_policy: AckPolicy.Explicit,
    filter_subjects: [...filters],
    // A work queue stores only what is unsettled, and takes no consumer that begins later.
    ...(delivered > 0 && !isQueue
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: delivered + 1 }
      : { deliver_policy: DeliverPolicy.All }),
  });
}

/** Removes the plan from the new consumer: the rename is finished. */
export async function finishRename(jsm: JetStreamManager, to: string, names: Namespace): Promise<void> {
  const { stream } = names.retries, consumer = names.consumer(to);
  const metadata = ownMetadata(await jsm.consumers.info(stream, consumer));
  delete metadata[RENAME.plan];
  await jsm.consumers.update(stream, consumer, { metadata });
}

/** Settings that the new consumer takes over. A start puts the others right. */
function copiedSettings({ config }: ConsumerInfo) {
  const { ack_wait, max_deliver, max_ack_pending, pause_until } = config;
  return {
    ack_policy: AckPolicy.Explicit,
    ack_wait,
    max_deliver,
    max_ack_pending,
    ...(pause_until && { pause_until }),
  };
}

/** Returns metadata without that of the server, which sets its own, and without the mark of an abandoned rename. */
function ownMetadata({ config: { metadata = {} } }: ConsumerInfo): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !name.startsWith("_nats.") && name !== RENAME.to),
  );
}
