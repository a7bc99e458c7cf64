import type { ConsumerInfo } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { covers } from "../../core/subjects.ts";
import type { Delivery } from "../../core/delivery.ts";
import { copyCancelledEvents } from "../retry/cancelled_events.ts";
import { functionConsumers } from "../topology/function_consumers.ts";
import { findConsumer } from "../topology/find.ts";
import { pauseConsumers, pausedUntil, resumeConsumers } from "../topology/pause.ts";
import { filtersOf } from "../topology/plan_consumer.ts";
import type { DesiredState, Durable } from "../topology/resources.ts";
import type { MigrationCluster } from "./cluster.ts";

/** Metadata of a consumer from which a function has moved away: the number of deliveries that it had made by then. */
const LEFT = "weir-left";

/** A consumer of the old namespace. */
export interface OldConsumer {
  readonly durable: Durable;
  readonly info: ConsumerInfo;
}

/**
 * Returns the desired state with the positions of the old consumers. In a stream that Weir does not own, both
 * namespaces find the same messages, so a new consumer begins after the last message that the old consumer has
 * delivered. A consumer that an earlier move left behind has an outdated position, so it is deleted first.
 */
export async function withPositions(
  { jsm, to }: MigrationCluster,
  desired: DesiredState,
  old: readonly OldConsumer[],
): Promise<DesiredState> {
  const shared = old.filter(({ durable }) => isShared(durable, to));
  for (const { durable: { stream, functionName } } of shared) {
    const info = await findConsumer(jsm, stream, to.consumer(functionName));
    if (info && info.config.metadata?.[LEFT] === String(info.delivered.consumer_seq)) {
      await jsm.consumers.delete(stream, info.name);
    }
  }
  const positionOf = ({ stream, functionName }: Durable) =>
    shared.find(({ durable }) => durable.stream === stream && durable.functionName === functionName)
      ?.info.delivered.stream_seq;
  return { ...desired, floorOf: (durable) => Promise.resolve(positionOf(durable)) };
}

/** Returns whether the consumers of both namespaces are on the same stream. */
export function isShared({ stream }: Durable, { foreign }: Namespace): boolean {
  return foreign.streams.has(stream);
}

/** Returns whether the new consumer on the same stream delivers a message as well. */
export function delivers({ config }: ConsumerInfo, { sequence, subject }: Delivery): boolean {
  return sequence >= (config.opt_start_seq ?? 1) && filtersOf(config).some((filter) => covers(filter, subject));
}

/** Marks a consumer as left, so that the way back does not begin at its position. */
export async function markLeft({ jsm }: MigrationCluster, { stream, consumer }: Durable): Promise<void> {
  const { config, delivered } = await jsm.consumers.info(stream, consumer);
  const metadata = { ...config.metadata, [LEFT]: String(delivered.consumer_seq) };
  await jsm.consumers.update(stream, consumer, { metadata });
}

/** Copies which events an operator has cancelled: a moved event keeps its stream and sequence. */
export async function copyCancelled({ jsm, from, to }: MigrationCluster, old: readonly OldConsumer[]): Promise<void> {
  for (const { durable: { stream, functionName }, info } of old) {
    if (stream !== from.retries.stream) continue;
    const heir = await findConsumer(jsm, to.retries.stream, to.consumer(functionName));
    if (heir) await copyCancelledEvents(jsm, info, heir);
  }
}

/**
 * Moves the pauses of functions. The old consumers must be resumed, since a paused consumer delivers nothing that could
 * be moved.
 *
 * Invariant: the new consumers are paused before the old ones are resumed, and no process pulls from either.
 */
export async function movePauses({ jsm, to }: MigrationCluster, old: readonly OldConsumer[]): Promise<void> {
  for (const [name, all] of Map.groupBy(old, ({ durable }) => durable.functionName)) {
    const infos = all.map(({ info }) => info), ends = infos.map(pausedUntil).filter((end) => end !== undefined);
    if (ends.length === 0) continue;
    const untilMs = Math.max(...ends.map((end) => Date.parse(end)));
    await pauseConsumers(jsm, await functionConsumers(jsm, name, to), untilMs);
    await resumeConsumers(jsm, infos);
  }
}
