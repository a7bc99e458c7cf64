import type { NatsConnection } from "@nats-io/transport-node";
import type { MaybePromise } from "../../engine/maybe_promise.ts";
import type { AttemptStore } from "../../engine/attempt_store.ts";
import type { Clock } from "../../engine/clock.ts";
import type { Claim } from "../../engine/idempotency_store.ts";
import type { Progress, Settlement, Settler } from "../../engine/settler.ts";
import type { Delivery } from "../../core/delivery.ts";
import type { DeadLetterOutcome, Outcome } from "../../core/outcome.ts";
import { backoffMs } from "../../core/backoff.ts";
import { Answers, type Sender, textOf } from "./answers.ts";
import type { DeadLetters } from "../dead_letters/dead_letters.ts";
import { headerText } from "../client/header_text.ts";
import { PublishError } from "../publish/jetstream_publisher.ts";
import { discard, type Remover } from "../dead_letters/redrive.ts";
import { DELAY_OUTSIDE_FROM_MS, type RetryStream } from "../retry/retry_stream.ts";

const ACK = "+ACK";
const DONE: Settlement = { ok: true };
const WORKING = "+WPI";
/** What the server can count: a delay in nanoseconds, in 63 bits. */
const LONGEST_MS = 365 * 86_400_000;
/** How long a dead connection may go unseen: two pings without an answer. */
const UNSEEN_MS = 30_000;
/** So many tries in vain are no mere restart of a server. */
const STUCK_AFTER = 3;
const STORE_AGAIN = { attempts: 1, initialMs: 500, maxMs: 10_000, factor: 2, jitter: "full" } as const;

/**
 * Carries out outcomes: the only place that acknowledges, gives back or terminates a message. What an outcome
 * rests on is stored first: a dead letter before its original goes, an event's completion before it is acked, the
 * attempts it has used before it goes back.
 */
export class NatsSettler implements Settler {
  #givingUp = false;
  readonly #answers: Answers;

  constructor(
    readonly nc: Sender,
    readonly deadLetters: Pick<DeadLetters, "store">,
    readonly attempts: AttemptStore,
    readonly lane: RetryStream,
    readonly jsm: Remover,
    readonly clock: Clock,
    /** Is told what cannot be stored, again and again while that lasts. */
    readonly stuck: (functionName: string, what: string, error: unknown) => void = () => {},
    /** Takes secrets out of what errors say, which is stored with an event and shown to whoever looks. */
    readonly redact: (text: string) => string = (text) => text,
  ) {
    this.#answers = new Answers(nc, () => clock.now());
  }

  settle(
    functionName: string,
    delivery: Delivery,
    decided: Outcome,
    progress?: Progress,
    claim?: Claim,
  ): MaybePromise<Settlement> {
    // What nearly every event comes to needs nothing but its answer.
    if (decided.kind === "ack" && !claim && delivery.deadLetter === undefined) return this.#acked(delivery);
    return this.#settle(functionName, delivery, this.#withoutSecrets(decided), progress, claim);
  }

  #acked(delivery: Delivery): Settlement {
    try {
      this.#answers.give(delivery.ackSubject, ACK);
      return DONE;
    } catch (error) {
      return { ok: false, error };
    }
  }

  async #settle(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome,
    progress: Progress | undefined,
    claim: Claim | undefined,
  ): Promise<Settlement> {
    try {
      if (outcome.kind === "lease-expired") {
        await claim?.release().catch(() => {});
        return DONE;
      }
      // From here on the redriven event stands for its dead letter: were that left, it could be redriven again.
      // Where that fails the event is settled all the same: at worst somebody redrives it once more.
      if (delivery.deadLetter !== undefined) {
        await discard(this.jsm, delivery.deadLetter).catch(() => false);
      }
      switch (outcome.kind) {
        case "ack":
          if (claim) await this.#untilStored(functionName, "the completion of an event", () => claim.complete());
          this.#answers.give(delivery.ackSubject, ACK);
          break;
        case "retry":
          await claim?.release().catch(() => {}); // it ends by itself: the retry may have to wait for that
          if (progress && outcome.delayMs >= DELAY_OUTSIDE_FROM_MS) {
            await this.#park(functionName, delivery, outcome, progress);
          } else await this.#giveBack(functionName, delivery, outcome, progress);
          break;
        case "dead-letter":
          await this.#bury(functionName, delivery, outcome, progress);
          await claim?.release().catch(() => {});
          this.#answers.give(delivery.ackSubject, `+TERM weir: ${outcome.reason}`);
      }
      return DONE;
    } catch (error) {
      return { ok: false, error };
    }
  }

  #withoutSecrets(outcome: Outcome): Outcome {
    if (!("error" in outcome) || !outcome.error) return outcome;
    return { ...outcome, error: { ...outcome.error, message: this.redact(outcome.error.message) } };
  }

  extend(delivery: Delivery): void {
    if (!this.nc.isClosed()) extend(this.nc, textOf(delivery.ackSubject));
  }

  /**
   * The client drops what it has not sent when it dials again. Answers given since shortly before the connection was
   * seen to be gone are given once more.
   */
  reconnected(disconnectedAtMs: number): void {
    this.#answers.repeat(disconnectedAtMs - UNSEEN_MS);
  }

  /** Stops repeating what cannot be stored: the process must end, and JetStream still has the messages. */
  giveUp(): void {
    this.#givingUp = true;
  }

  async #giveBack(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome & { kind: "retry" },
    progress: Progress | undefined,
  ): Promise<void> {
    try {
      if (progress) {
        const begun = progress.attempts - delivery.history.attempts;
        const free = progress.excusedDeliveries - delivery.history.excusedDeliveries;
        const emitted = progress.emittedSinceMs !== undefined;
        const counts = { begun, free, emitted, ...traceOf(progress) };
        await this.attempts.write(functionName, delivery, counts);
      } else if (delivery.deliveryCount === 1) { // it never began; of a later one the counts still hold
        await this.attempts.write(functionName, delivery, { begun: 0, free: 1, emitted: false });
      }
    } finally {
      // A delay always goes with it: without one the message comes back at once, and again, and again.
      const delayNanos = Math.min(Math.max(1, outcome.delayMs), LONGEST_MS) * 1e6;
      this.nc.publish(textOf(delivery.ackSubject), `-NAK {"delay":${delayNanos}}`);
    }
  }

  /** The parked copy is stored before the original goes; where it cannot be, the original waits in its consumer. */
  async #park(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome & { kind: "retry" },
    progress: Progress,
  ): Promise<void> {
    try {
      const atMs = this.clock.now() + Math.min(outcome.delayMs, LONGEST_MS);
      await this.lane.park(functionName, delivery, outcome, atMs, progress);
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      return await this.#giveBack(functionName, delivery, outcome, progress);
    }
    this.#answers.give(delivery.ackSubject, ACK);
  }

  /**
   * Stores the decision and then the dead letter: were the process to die in between, the next delivery would bury
   * the event again instead of running it again.
   */
  async #bury(
    functionName: string,
    delivery: Delivery,
    outcome: DeadLetterOutcome,
    progress: Progress | undefined,
  ): Promise<void> {
    if (progress && !progress.ending) {
      const { name, message } = outcome.error;
      const ending = { ...outcome, error: { name: headerText(name), message: headerText(message) } };
      const begun = outcome.attempts - delivery.history.attempts;
      const counts = { begun, free: 0, emitted: true, ending, ...traceOf(progress) };
      // Where that cannot be written, the dead letter counts for more than that it is not decided twice.
      await this.attempts.write(functionName, delivery, counts)
        .catch((error) => this.stuck(functionName, "the end of an event", error));
    }
    let withPayload = true;
    await this.#untilStored(functionName, "a dead letter", async () => {
      try {
        await this.deadLetters.store(functionName, delivery, outcome, progress, withPayload);
      } catch (error) {
        if (error instanceof PublishError && error.code === "too-large") withPayload = false;
        throw error;
      }
    });
  }

  /**
   * Stores something, however long that takes: the message is held meanwhile, so while nothing can be stored the
   * function takes on less and less, which is right. Only a shutdown ends it.
   */
  async #untilStored(functionName: string, what: string, store: () => Promise<unknown>): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        await store();
        return;
      } catch (error) {
        if (this.#givingUp || error instanceof TypeError) throw error; // a mistake in the code does not pass by itself
        if (tries % STUCK_AFTER === 0) this.stuck(functionName, what, error);
        const delayMs = backoffMs(STORE_AGAIN, tries, this.clock.random());
        await new Promise<void>((resolve) => this.clock.timer(delayMs, resolve));
      }
    }
  }
}

function traceOf({ attemptTrace }: Progress): Pick<Progress, "attemptTrace"> {
  return attemptTrace === undefined ? {} : { attemptTrace };
}

/** Tells JetStream that the delivery answered on that subject is still being worked on. */
export function extend(nc: Pick<NatsConnection, "publish">, handle: string): void {
  nc.publish(handle, WORKING);
}
