import { type ConsumerInfo, type JetStreamManager, RetentionPolicy } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { removeMessage } from "../client/remove_message.ts";
import { serverTime } from "../client/server_time.ts";
import { ACK_WAIT_MS } from "../consume/ack_wait.ts";
import { ackMoved } from "../consume/settle.ts";
import { DeadLetters } from "../dead_letters/dead_letters.ts";
import { pullPage } from "../inspect/pull_page.ts";
import type { DuplicateFinder } from "../publish/late_dedup.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { moveCommandOf, MovePosition } from "../move/move_position.ts";
import { ReplayPosition } from "../replay/replay_position.ts";
import { NatsAttemptStore } from "../retry/nats_attempt_store.ts";
import { hasDelayedRetry } from "../retry/retry_stream.ts";
import { findConsumer, unlessMissing } from "../topology/find.ts";
import { functionConsumers } from "../topology/function_consumers.ts";
import { resumeConsumers } from "../topology/pause.ts";
import { partitionConsumers, waitingIn } from "../topology/partition_changes.ts";
import { orderProblem } from "../topology/priority.ts";
import { RetryMover } from "./move_retries.ts";
import { moveClaims, moveDeadLetters } from "./move_stores.ts";
import { beginRename, createRenamed, finishRename, markRenamed, type MovedConsumer, renameOf } from "./rename_plan.ts";

/** Number of messages of one pull, and milliseconds that it waits for them. */
const PAGE = 100, PAGE_MS = 2_000;
/** Time without progress, in milliseconds, after which a process must still be prolonging its leases. */
const STUCK_MS = 4 * ACK_WAIT_MS;

/** Numbers of what a rename has moved in this run. */
export interface Renamed {
  /** Events that were delivered and not settled, and retries. */
  readonly retries: number;
  readonly deadLetters: number;
  /** Events that an idempotent function has handled. */
  readonly claims: number;
}

interface RenameCluster {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly names: Namespace;
  readonly messages: MessagePublisher;
  readonly duplicates: DuplicateFinder;
}

/**
 * Gives a function another name, with everything that waits for it. The function must not run under either name. After
 * an interruption, a second run continues: no event is lost, and none comes twice.
 *
 * @throws {Error} if neither name has a consumer, if the new name has consumers of its own, or if a replay or another
 * rename of one of the names is unfinished.
 */
export async function renameFunction(cluster: RenameCluster, from: string, to: string): Promise<Renamed> {
  const { nc, jsm, names, messages, duplicates } = cluster, { stream } = names.retries;
  const old = await functionConsumers(jsm, from, names);
  const known = await findConsumer(jsm, stream, names.consumer(to)), begun = known && renameOf(known);
  if (known && begun?.from !== from) throw new Error(`${to} has consumers already: it has run on this cluster`);
  if (!begun && old.length === 0) throw new Error(`${from} has no consumers`);
  await checkOthers(jsm, from, to, names);
  const partitions = await partitionConsumers(jsm, old[0], names);
  if (!begun) checkOrder(old, from, waitingIn(partitions));
  const plan = begun ?? await beginRename(jsm, old, to, names);
  await markRenamed(jsm, from, to, names);
  await resumeConsumers(jsm, old); // a paused consumer redelivers nothing; the new ones have its pause
  const isDelayed = async (_: string, delivery: Delivery) =>
    await hasDelayedRetry(jsm, from, delivery, names) || await hasDelayedRetry(jsm, to, delivery, names);
  const attempts = await NatsAttemptStore.open(nc, undefined, isDelayed, names);
  const deadLetterStore = new DeadLetters(messages, duplicates, Date.now, names);
  const mover = new RetryMover(jsm, messages, deadLetterStore, attempts, from, to, names);
  await mover.start();
  for (const moved of plan.consumers) await moveConsumer(cluster, mover, moved);
  const serverNow = async () => serverTime(await jsm.streams.info(stream));
  await mover.moveAll(serverNow);
  const deadLetters = await moveDeadLetters(cluster, from, to);
  const claims = await moveClaims(cluster, from, to, await serverNow());
  for (const { stream_name, name } of partitions) { // they are empty
    await unlessMissing(jsm.consumers.delete(stream_name, name), JETSTREAM_CODES.consumerNotFound);
  }
  await unlessMissing(jsm.consumers.delete(stream, names.consumer(from)), JETSTREAM_CODES.consumerNotFound);
  await finishRename(jsm, to, names);
  return { retries: mover.count, deadLetters, claims };
}

/** @throws {Error} if another command that is not finished would lose or repeat events, or if the new name is taken. */
async function checkOthers(jsm: JetStreamManager, from: string, to: string, names: Namespace): Promise<void> {
  const known = await Array.fromAsync(jsm.consumers.list(names.retries.stream)), consumer = names.consumer(to);
  for (const info of known) {
    const begun = renameOf(info), name = names.functionOf(info.name), isThis = begun?.from === from && name === to;
    if (!begun || isThis || ![begun.from, name].some((one) => one === from || one === to)) continue;
    throw new Error(
      `the rename of ${begun.from} to ${name} is not finished: \`functions rename ${begun.from} ${name}\``,
    );
  }
  if (await new ReplayPosition(jsm, from, names).read()) {
    throw new Error(`a replay of ${from} is not finished: run it again, or \`replay ${from} --abandon\``);
  }
  const move = await new MovePosition(jsm, from, names).read();
  if (move) throw new Error(`a move of events of ${from} is not finished: \`${moveCommandOf(move)}\``);
  if (known.some(({ name }) => name === consumer)) return; // the streams' consumers are those of this rename
  for (const { stream_name: stream } of await functionConsumers(jsm, from, names)) {
    if (!await findConsumer(jsm, stream, consumer)) continue;
    throw new Error(`${stream} has a consumer ${consumer} already, which is not Weir's`);
  }
}

/** @throws {Error} if delivered events would lose their order. What was not delivered yet keeps it in its stream. */
function checkOrder(old: readonly ConsumerInfo[], from: string, inPartitions: number): void {
  const problems = old.map((info) => orderProblem(info, from, info.num_ack_pending)).filter((one) => one !== undefined);
  if (inPartitions > 0) {
    problems.push(`${inPartitions} events wait in the partitions of ${from}: let its processes handle them first`);
  }
  if (problems.length === 0) return;
  throw new Error(
    `${problems.join("; ")}. \`defineFunction({ name: "${from}", … })\` keeps the consumers of a renamed file`,
  );
}

/** Creates the consumer of the new name, carries over what the old consumer holds, and deletes the old consumer. */
async function moveConsumer({ nc, jsm, names }: RenameCluster, mover: RetryMover, moved: MovedConsumer): Promise<void> {
  const { stream } = moved,
    { to } = mover,
    from = names.consumer(mover.from),
    old = await findConsumer(jsm, stream, from);
  const { retention } = (await jsm.streams.info(stream)).config, isQueue = retention === RetentionPolicy.Workqueue;
  if (!isQueue) await createRenamed(jsm, to, moved, old, isQueue, names);
  if (old) {
    await carryUnsettled(nc, jsm, mover, moved, isQueue);
    await unlessMissing(jsm.consumers.delete(stream, from), JETSTREAM_CODES.consumerNotFound);
  }
  if (isQueue) await createRenamed(jsm, to, moved, old, isQueue, names); // a work queue takes no second consumer
}

/** Carries each event that was delivered before the rename and is not settled, once its lease has expired. */
async function carryUnsettled(
  nc: NatsConnection,
  jsm: JetStreamManager,
  mover: RetryMover,
  { stream, delivered }: MovedConsumer,
  isQueue: boolean,
): Promise<void> {
  const consumer = mover.names.consumer(mover.from);
  for (let lastMs = Date.now();;) {
    const { num_ack_pending, ack_floor } = await jsm.consumers.info(stream, consumer);
    if (num_ack_pending === 0 || ack_floor.stream_seq >= delivered) return;
    if (Date.now() - lastMs > STUCK_MS) {
      throw new Error(`a process still handles events of ${mover.from} on ${stream}: stop it, and run this again`);
    }
    // Later events were stored after the rename began: the new consumer delivers them.
    const own = (await pullPage(nc, stream, consumer, PAGE, PAGE_MS, mover.names))
      .filter(({ sequence }) => sequence <= delivered);
    for (const delivery of own) {
      await mover.carry(delivery, `${stream}.${delivery.sequence}`);
      if (isQueue) await removeMessage(jsm, stream, delivery.sequence);
      ackMoved(nc, delivery);
      lastMs = Date.now();
    }
    await nc.flush();
  }
}
