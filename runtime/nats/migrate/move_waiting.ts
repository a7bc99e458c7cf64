import type { ConsumerInfo } from "@nats-io/jetstream";
import type { Delivery } from "../../core/delivery.ts";
import { excusedSoFar, unendedSoFar } from "../../engine/attempt_counts.ts";
import type { AttemptStore } from "../../engine/attempt_store.ts";
import type { ConsumerSink } from "../../engine/consumer.ts";
import type { Settler, UsedUp } from "../../engine/settler.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { removeMessage } from "../client/remove_message.ts";
import { PullConsumer } from "../consume/pull_consumer.ts";
import { publishFitting } from "../retry/fit_payload.ts";
import { retryHeaders } from "../retry/retry_headers.ts";
import type { Durable } from "../topology/resources.ts";
import { delivers } from "./hand_over.ts";
import { type MigrationCluster, onlyOnce, unlessStored, WINDOW } from "./cluster.ts";

/** Interval in milliseconds at which the consumer is asked whether anything is left. */
const POLL_MS = 200;

/**
 * Moves the events that wait for a function on one of its consumers: each is pulled as the function would pull it,
 * stored in the retry stream of the other namespace for that function alone, and then acked. It does not matter which
 * other functions have handled the event.
 *
 * Invariant: an event is stored before it is acked. If the ack is lost, the event is not stored again as long as its
 * copy waits.
 */
export class WaitingEvents {
  constructor(
    readonly cluster: MigrationCluster,
    readonly attempts: AttemptStore,
    readonly settler: Settler,
    readonly signal: AbortSignal,
  ) {}

  /**
   * Resolves to the number of events that were moved, once the consumer has none left.
   *
   * @param heir The new consumer on the same stream: what it delivers is only acked. Default: there is none.
   */
  async move({ functionName, stream, consumer: name }: Durable, heir?: ConsumerInfo): Promise<number> {
    const { nc, jsm, monitor, from } = this.cluster, running = new Set<Promise<void>>();
    let moved = 0, failure: unknown;
    const consumer = new PullConsumer(nc, stream, name, systemClock, () => {}, monitor, from);
    const ended = () => failure !== undefined || this.signal.aborted;
    const sink: ConsumerSink = {
      credits: () => ended() ? 0 : WINDOW - running.size,
      ahead: () => 0,
      room: () => Infinity,
      roomAhead: () => 0,
      paused: ended,
      deliver: (delivery) => {
        const moving = this.#move(functionName, delivery, heir).then(
          () => void moved++,
          (error) => void (failure ??= error),
        )
          .finally(() => {
            running.delete(moving);
            consumer.wake();
          });
        running.add(moving);
      },
    };
    consumer.start(sink);
    try {
      while (!ended()) {
        const { num_pending, num_ack_pending } = await jsm.consumers.info(stream, name);
        if (num_pending + num_ack_pending + running.size === 0) break;
        await new Promise<void>((resolve) => systemClock.timer(POLL_MS, resolve));
      }
    } finally {
      await consumer.stop();
      await Promise.all(running);
    }
    if (failure !== undefined) throw failure;
    return moved;
  }

  async #move(functionName: string, delivery: Delivery, heir?: ConsumerInfo): Promise<void> {
    const { history } = delivery, isInherited = heir !== undefined && delivers(heir, delivery);
    const known = delivery.deliveryCount > 1 ? await this.attempts.read(functionName, delivery) : undefined;
    if (!known?.delayed && !isInherited) { // else its delayed retry is moved instead
      await this.#removeFired(delivery);
      await this.#store(functionName, delivery, {
        attempts: history.attempts + (known?.begun ?? 0),
        ...excusedSoFar(history, known),
        emittedSinceMs: history.emittedSinceMs ?? (known?.mayHaveEmitted ? delivery.storedAtMs : undefined),
        attemptTrace: known?.attemptTrace ?? history.attemptTrace,
        lastError: known?.lastError ?? history.lastError,
        ...unendedSoFar(history, known),
      });
    }
    const settlement = await this.settler.settle(functionName, delivery, { kind: "ack" });
    if (!settlement.ok) throw settlement.error;
  }

  /**
   * The subject is unique to the message, so that the message is stored only once. The event's own subject goes into a
   * header.
   */
  async #store(functionName: string, delivery: Delivery, usedUp: UsedUp): Promise<void> {
    const { messages, to } = this.cluster, hdrs = onlyOnce(retryHeaders(functionName, delivery, usedUp));
    hdrs.set("Nats-Msg-Id", `moved:${functionName}:${delivery.messageKey}`);
    hdrs.set("weir-subject", delivery.subject);
    const subject = `${to.retries.due}.${functionName}.moved.${delivery.messageKey.replaceAll(".", "-")}`;
    await unlessStored(publishFitting(messages, subject, delivery.payload, hdrs));
  }

  /** Removes the moved copy of a delayed retry that has come due in the old namespace meanwhile. */
  async #removeFired({ headers }: Delivery): Promise<void> {
    const scheduled = headers.get("nats-scheduler"), { jsm, from, to } = this.cluster;
    if (scheduled === undefined) return;
    const last_by_subj = to.subject(from.typeOf(scheduled));
    const copy = await jsm.streams.getMessage(to.retries.stream, { last_by_subj });
    if (copy) await removeMessage(jsm, to.retries.stream, copy.seq);
  }
}
