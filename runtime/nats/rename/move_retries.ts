import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import { excusedSoFar, unendedSoFar } from "../../engine/attempt_counts.ts";
import type { AttemptStore } from "../../engine/attempt_store.ts";
import { appendHeader } from "../client/internals.ts";
import { entriesOf } from "../client/message_headers.ts";
import { removeMessage } from "../client/remove_message.ts";
import { storedDelivery } from "../consume/parse_delivery.ts";
import { type DeadLetters, discard, ORDER_KEY } from "../dead_letters/dead_letters.ts";
import { readBatches } from "../inspect/read_batches.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { publishFitting } from "../retry/fit_payload.ts";
import { fittingSubject, retryHeaders } from "../retry/retry_headers.ts";
import { delayedEventsOf } from "../retry/delayed_events.ts";
import { delayedRetriesOf, dueSubject, isDelayed } from "../retry/retry_stream.ts";

/** Header with the old position of a moved message. A later run recognizes by it what was moved already. */
export const MOVED_FROM = "weir-moved-from";
/** Requests at once. */
const WINDOW = 64;
/** Milliseconds before a delayed retry is due in which it is not moved, since it might come due under both names. */
const MARGIN_MS = 10_000;
/** Pause in milliseconds between two looks for retries that come due. */
const PAUSE_MS = 500;

/** Moves what waits in RETRIES for a function to its new name. The function must not run under either name. */
export class RetryMover {
  /** Positions of the messages that were moved already. */
  readonly #moved = new Set<string>();
  count = 0;

  constructor(
    readonly jsm: JetStreamManager,
    readonly publisher: MessagePublisher,
    readonly deadLetters: Pick<DeadLetters, "store">,
    readonly attempts: Pick<AttemptStore, "read">,
    readonly from: string,
    readonly to: string,
    readonly names: Namespace,
  ) {}

  /** Reads what an earlier run has moved: nothing takes it from RETRIES meanwhile. */
  async start(): Promise<void> {
    for (const subject of subjectsOf(this.to, this.names)) {
      for await (const messages of readBatches(this.jsm, this.names.retries.stream, subject)) {
        for (const { header } of messages) this.#moved.add(header.get(MOVED_FROM));
      }
    }
  }

  /**
   * Moves every message, and waits for retries that are about to come due.
   *
   * @param serverNow Returns the server's time.
   */
  async moveAll(serverNow: () => Promise<number>): Promise<void> {
    for (let isFirst = true;; isFirst = false) {
      let left = 0;
      for (const subject of subjectsOf(this.from, this.names)) {
        for await (const messages of readBatches(this.jsm, this.names.retries.stream, subject)) {
          left += messages.length;
          for (let at = 0; at < messages.length; at += WINDOW) {
            const nowMs = await serverNow(); // many take longer than the margin
            const ripe = messages.slice(at, at + WINDOW).filter((message) =>
              !isDelayed(message.subject, this.names) || dueMs(message) - nowMs > MARGIN_MS
            );
            await Promise.all(ripe.map((message) => this.#move(message)));
          }
        }
      }
      if (left === 0 && !isFirst) return;
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** Stores an unsettled event of a stream as due for the new name, unless it was moved already. */
  async carry(delivery: Delivery, position: string, redriven?: string): Promise<void> {
    if (this.#moved.has(position)) return;
    const { from, to, attempts } = this, { history } = delivery;
    const known = await attempts.read(from, delivery);
    const { begun = 0, attemptTrace, lastError, delayed, ending } = known ?? {};
    // The process died after it had stored the delayed retry, before it acked the event. The retry is moved by itself.
    if (delayed && redriven === undefined) return;
    if (ending) {
      // The process died after it had decided on a dead letter, before it acked the event. The dead letter may be
      // stored already. It is stored under the old name, whose message id finds the duplicate.
      const usedUp = { attempts: ending.attempts, excusedDeliveries: history.excusedDeliveries, wasDecided: true };
      return void await this.deadLetters.store(from, delivery, ending, usedUp);
    }
    const named = { ...history, emitsAs: history.emitsAs ?? from };
    const hdrs = retryHeaders(to, { ...delivery, messageKey: delivery.messageKey, history: named }, {
      attempts: history.attempts + begun,
      ...excusedSoFar(history, known),
      emittedSinceMs: history.emittedSinceMs ?? delivery.storedAtMs,
      attemptTrace: attemptTrace ?? history.attemptTrace,
      lastError: lastError ?? history.lastError,
      ...unendedSoFar(history, known),
    });
    hdrs.set("Nats-Msg-Id", `renamed:${from}:${to}:${position}`);
    hdrs.set(MOVED_FROM, position);
    if (redriven !== undefined) hdrs.set("weir-dead-letter", redriven);
    const orderKey = delivery.headers.get(ORDER_KEY);
    if (redriven !== undefined && orderKey !== undefined) hdrs.set(ORDER_KEY, orderKey);
    const subject = redriven === undefined
      ? dueSubject(to, delivery, this.names)
      : `${this.names.retries.redriven}.${to}.${redriven}.${fittingSubject(delivery.subject)}`;
    await publishFitting(this.publisher, subject, delivery.payload, hdrs);
    this.#moved.add(position);
    this.count++;
  }

  /** Invariant: a message is stored under the new name before it is removed under the old one. */
  async #move(message: StoredMsg): Promise<void> {
    const { names } = this, { stream } = names.retries, position = positionOf(message, names);
    if (isDelayed(message.subject, names)) {
      if (!this.#moved.has(position)) await this.#reschedule(message, position);
    } else {
      const delivery = storedDelivery(stream, message, undefined, names);
      const redriven = message.header.get("weir-dead-letter") || undefined;
      await this.carry(delivery, position, redriven);
      // A redrive that was interrupted has left its dead letter, which would move too, and be redriven a second time.
      if (redriven !== undefined) await discard(this.jsm, Number(redriven), names);
    }
    await removeMessage(this.jsm, stream, message.seq);
  }

  async #reschedule({ subject, header, data }: StoredMsg, position: string): Promise<void> {
    const { from, to, names } = this, hdrs = withoutNats(header);
    const renamed = (text: string) =>
      names.subject(names.typeOf(text).replace(/^(retries\.[a-z]+)\.[^.]+/, `$1.${to}`));
    hdrs.set("weir-function", to);
    if (!hdrs.get("weir-emits-as")) hdrs.set("weir-emits-as", from);
    hdrs.set(MOVED_FROM, position);
    hdrs.set("Nats-Msg-Id", `renamed:${from}:${to}:${position}`);
    hdrs.set("Nats-Schedule", header.get("Nats-Schedule"));
    hdrs.set("Nats-Schedule-Target", renamed(header.get("Nats-Schedule-Target")));
    await this.publisher.publish(renamed(subject), data, hdrs);
    this.#moved.add(position);
    this.count++;
  }
}

/** Runs something for each item, some at a time. */
export async function inWindows<Item>(items: readonly Item[], run: (item: Item) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += WINDOW) await Promise.all(items.slice(at, at + WINDOW).map(run));
}

/** Returns a copy of headers without those for the server. */
export function withoutNats(header: MsgHdrs): MsgHdrs {
  const hdrs = headers();
  for (const [name, value] of entriesOf(header)) if (!/^nats-/i.test(name)) appendHeader(hdrs, name, value);
  return hdrs;
}

function subjectsOf(functionName: string, names: Namespace): string[] {
  const { due, redriven } = names.retries;
  return [
    delayedRetriesOf(functionName, names),
    delayedEventsOf(functionName, names),
    ...[due, redriven].map((prefix) => `${prefix}.${functionName}.>`),
  ];
}

/**
 * Returns a name of a message that stays the same while its function does not run. For a retry it is the subject of its
 * schedule: when the retry comes due, the server writes that subject into a header of the new message.
 */
function positionOf({ seq, subject, header }: StoredMsg, names: Namespace): string {
  return isDelayed(subject, names) ? subject : header.get("Nats-Scheduler") || `${names.retries.stream}.${seq}`;
}

function dueMs({ header }: StoredMsg): number {
  return Date.parse(header.get("Nats-Schedule").replace(/^@at /, "")) || 0;
}
