import type { NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { DeadLetterOutcome, Outcome } from "../../core/outcome.ts";
import type { MaybePromise } from "../../engine/maybe_promise.ts";
import type { AttemptStore } from "../../engine/attempt_store.ts";
import type { Claim } from "../../engine/idempotency_store.ts";
import type { ServerClock } from "../../engine/clock.ts";
import type { Settlement, Settler, UsedUp } from "../../engine/settler.ts";
import type { ConnectionMonitor } from "../client/connection_monitor.ts";
import { isUnavailable } from "../client/is_unavailable.ts";
import { AckBatch, type AckConnection } from "../client/write_batch.ts";
import { type DeadLetters, discard } from "../dead_letters/dead_letters.ts";
import type { Remover } from "../client/remove_message.ts";
import { PublishError } from "../../engine/publisher.ts";
import { RETRY_STREAM_MIN_DELAY_MS, type RetryStream } from "../retry/retry_stream.ts";
import { type ConsumerReader, unlessGone } from "./gone_consumer.ts";
import { ackSubjectText, isReplaced } from "./parse_delivery.ts";
import { StoreRetrier, type Unstored } from "./store_retrier.ts";
import { countsOfEnding, countsOfRetry } from "./stored_counts.ts";

const ACK = "+ACK", IN_PROGRESS = "+WPI";
const SETTLED: Settlement = { ok: true };
/** Upper bound of a delay: a year. The server counts nanoseconds in 63 bits. */
const MAX_DELAY_MS = 365 * 86_400_000;
/** Maximum wait, in milliseconds, for the confirmation of an ack: longer than a change of leader. */
const CONFIRM_MS = 10_000;
const CONFIRM_SOURCE_MS = 2_000; // that of an ack that is tried again
/** Longest time, in milliseconds, until a lost connection is noticed: two pings of 10 s, and a margin of 10 s. */
const UNNOTICED_MS = 30_000;

interface SettlerOptions {
  readonly nc: AckConnection & Requester;
  readonly monitor: Pick<ConnectionMonitor, "onReconnect">;
  readonly deadLetters: Pick<DeadLetters, "store">;
  readonly attempts: AttemptStore;
  readonly retries: RetryStream;
  readonly jsm: Remover & ConsumerReader;
  readonly clock: ServerClock;
  /** Calls back at the end of the event-loop tick, when acks leave. Default: as `setImmediate` does. */
  readonly atTickEnd?: (callback: () => void) => void;
  /** Called repeatedly while something cannot be stored. Default: nothing is reported. */
  readonly onUnstored?: (unstored: Unstored) => void;
  /** Functions with `order`, whose acks are not sent again after a reconnect: see `takeover.ts`. Default: none. */
  readonly ordered?: ReadonlySet<string>;
  /** Returns when a stream was created, in milliseconds since 1970; NaN if unknown. Default: unknown. */
  readonly createdMs?: (stream: string) => number;
  /** Removes secrets from the errors that are stored with an event. Default: errors are stored as they are. */
  readonly redact?: (text: string) => string;
}

type Requester = Pick<NatsConnection, "request">;
type Settled = Pick<Delivery, "ackSubject">;

/** A delivery of a function that is being settled, and the counts to store with it. */
interface HeldEvent {
  readonly functionName: string;
  readonly delivery: Delivery;
  readonly usedUp: UsedUp | undefined;
}

/**
 * Carries out outcomes. Nothing outside of this file acks, naks or terminates a message.
 *
 * Invariant: what an outcome needs is stored before the message is settled: a dead letter before its event is
 * terminated, a completion before its ack, and the attempt counts before a nak, unless they cannot be stored at all.
 */
export class NatsSettler implements Settler {
  readonly #acks: AckBatch;
  readonly #retrier: StoreRetrier;

  constructor(readonly options: SettlerOptions) {
    const { nc, clock, onUnstored = () => {} } = options;
    this.#retrier = new StoreRetrier(clock, onUnstored);
    this.#acks = new AckBatch(nc, () => clock.now(), options.atTickEnd);
    // The client drops at a reconnect what it has not sent. An ack that was sent is sent twice, which is harmless.
    options.monitor.onReconnect((downMs) => this.#acks.repeat(clock.now() - downMs - UNNOTICED_MS));
  }

  settle(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome,
    usedUp?: UsedUp,
    claim?: Claim,
  ): MaybePromise<Settlement> {
    // Hot path: a plain ack needs no promise.
    if (outcome.kind === "ack" && !claim && delivery.deadLetterSequence === undefined && !delivery.sourceAck) {
      return this.#ack(functionName, delivery);
    }
    return this.#settle({ functionName, delivery, usedUp }, this.#redacted(outcome), claim);
  }

  extend(delivery: Delivery): void {
    const { nc } = this.options;
    if (!nc.isClosed() && !isGone(delivery)) extend(nc, ackSubjectText(delivery.ackSubject));
  }

  /** Writes the acks of this tick, before the connection closes. */
  flush(): void {
    this.#acks.flush();
  }

  /** Stops retrying what cannot be stored: the process must end, and JetStream delivers its messages again. */
  giveUp(): void {
    this.#retrier.giveUp();
  }

  /** Returns what cannot be stored at the moment. Its events stay held until it is stored. */
  unstored(): Unstored[] {
    return this.#retrier.unstored();
  }

  #ack(functionName: string, delivery: Delivery): Settlement {
    try {
      this.#answer(functionName, delivery, ACK);
      return SETTLED;
    } catch (error) {
      return { ok: false, error };
    }
  }

  #answer(functionName: string, delivery: Delivery, answer: string): void {
    if (isGone(delivery)) return;
    if (!this.options.ordered?.has(functionName)) return this.#acks.add(delivery.ackSubject, answer);
    this.options.nc.publish(ackSubjectText(delivery.ackSubject), answer);
  }

  async #settle(event: HeldEvent, outcome: Outcome, claim: Claim | undefined): Promise<Settlement> {
    const { functionName, delivery } = event;
    try {
      if (outcome.kind === "lease-expired") {
        await claim?.release().catch(() => {});
        return SETTLED;
      }
      // A dead letter that stays could be redriven again. If it cannot be deleted, a further run would be worse.
      if (delivery.deadLetterSequence !== undefined) {
        await discard(this.options.jsm, delivery.deadLetterSequence, this.options.retries.names).catch(() => false);
      }
      switch (outcome.kind) {
        case "ack":
          if (claim) {
            await this.#retrier.untilStored(functionName, "the completion of an event", () => claim.complete());
          }
          if (delivery.sourceAck) await this.#ackSource(functionName, delivery.sourceAck);
          this.#answer(functionName, delivery, ACK);
          break;
        case "retry":
          await claim?.release().catch(() => {}); // an unreleased claim expires, and the retry waits for that
          await this.#retry(event, outcome);
          break;
        case "dead-letter": {
          const { sequence } = await this.#storeDeadLetter(event, outcome);
          await claim?.release().catch(() => {});
          if (delivery.sourceAck) await this.#ackSource(functionName, delivery.sourceAck);
          this.#answer(functionName, delivery, `+TERM weir: ${outcome.reason}`);
          if (outcome.orderKey !== undefined) return { ok: true, deadLetter: sequence };
        }
      }
      return SETTLED;
    } catch (error) {
      return { ok: false, error };
    }
  }

  /**
   * Acks the message from which an event was assigned to its partition: the process that assigned it may have died.
   *
   * Invariant: no event leaves its partition before. The next process would assign it again, after later ones of its key.
   */
  async #ackSource(functionName: string, sourceAck: Uint8Array): Promise<void> {
    const { nc, jsm, createdMs } = this.options, source = { ackSubject: sourceAck };
    const send = () => confirmMoved(nc, source, CONFIRM_SOURCE_MS).catch((error) => unlessGone(jsm, sourceAck, error));
    const ack = async () => void (isReplaced(sourceAck, createdMs) || await send()); // asked anew at each try
    await this.#retrier.untilStored(functionName, "the ack of an assigned event", ack);
  }

  #redacted(outcome: Outcome): Outcome {
    const { redact } = this.options;
    if (!redact || !("error" in outcome) || !outcome.error) return outcome;
    return { ...outcome, error: { ...outcome.error, message: redact(outcome.error.message) } };
  }

  /** Stores a delayed retry and acks the event, or naks it. An event whose retry cannot be stored is nacked as well. */
  async #retry({ functionName, delivery, usedUp }: HeldEvent, outcome: Outcome & { kind: "retry" }): Promise<void> {
    const { attempts, retries, clock, ordered } = this.options, delayMs = Math.min(outcome.delayMs, MAX_DELAY_MS);
    const leaves = delayMs >= RETRY_STREAM_MIN_DELAY_MS || isGone(delivery); // a message that is gone cannot be nacked
    let mayBeStored = false; // the delayed retry, although the message stays
    if (usedUp && leaves && !(ordered?.has(functionName) && outcome.delayMs < RETRY_STREAM_MIN_DELAY_MS)) {
      try {
        await retries.schedule(functionName, delivery, outcome, clock.serverNow() + delayMs, usedUp);
        if (delivery.sourceAck) await this.#ackSource(functionName, delivery.sourceAck);
        return this.#answer(functionName, delivery, ACK);
      } catch (error) {
        if (!(error instanceof PublishError)) throw error;
        mayBeStored = error.code === "unavailable";
      }
    }
    try {
      if (usedUp) {
        const counts = countsOfRetry(delivery, usedUp, outcome, mayBeStored);
        const write = () => attempts.write(functionName, delivery, counts);
        // Repeated through an outage: without these counts the next delivery would take this one for a crash.
        const repeats = outcome.reason === "shutdown" ? () => false : isUnavailable;
        await this.#retrier.untilStored(functionName, "the attempts of an event", write, repeats);
      }
    } catch (error) {
      // A shutdown during an outage: the counts are not stored, and the next delivery counts this one as an attempt.
      if (!isUnavailable(error)) throw error;
    } finally {
      // Invariant: never a bare nak. Without a delay the server redelivers at once, without end.
      const nak = `-NAK {"delay":${Math.max(1, delayMs) * 1e6}}`;
      if (!isGone(delivery)) this.options.nc.publish(ackSubjectText(delivery.ackSubject), nak);
    }
  }

  /**
   * Stores the decision and then the dead letter. If the process dies in between, the next delivery stores the dead
   * letter and does not run the event again.
   */
  async #storeDeadLetter({ functionName, delivery, usedUp }: HeldEvent, outcome: DeadLetterOutcome) {
    const { attempts, deadLetters, onUnstored } = this.options;
    if (usedUp && !usedUp.wasDecided) {
      const counts = countsOfEnding(delivery, usedUp, outcome);
      // Without the decision the dead letter is stored all the same: a crash in between may run the event again.
      const message = "the end of an event cannot be stored: its dead letter is stored without it";
      await attempts.write(functionName, delivery, counts)
        .catch((error) => onUnstored?.({ functionName, message, error }));
    }
    const store = () => deadLetters.store(functionName, delivery, outcome, usedUp);
    return await this.#retrier.untilStored(functionName, "a dead letter", store);
  }
}

/** Returns whether the stream of a delivery was deleted. A new one may have another message at its position. */
const isGone = ({ ackSubject }: Settled) => ackSubject.length === 0;

/** Acks a delivery that a command has moved: its event is stored for another function. */
export function ackMoved(nc: Pick<NatsConnection, "publish">, { ackSubject }: Settled): void {
  nc.publish(ackSubjectText(ackSubject), ACK);
}

/** Acks a delivery whose event is stored elsewhere. Resolves once the server has confirmed the ack. */
export async function confirmMoved(nc: Requester, { ackSubject }: Settled, timeout = CONFIRM_MS): Promise<void> {
  await nc.request(ackSubjectText(ackSubject), ACK, { timeout });
}

/** Sends an in-progress ack, which starts the delivery's ack wait anew. */
export function extend(nc: Pick<NatsConnection, "publish">, ackSubject: string): void {
  nc.publish(ackSubject, IN_PROGRESS);
}
