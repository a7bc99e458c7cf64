import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock, Progress, Settlement, Settler } from "../flow/ports.ts";
import type { Delivery } from "../nouns/delivery.ts";
import type { Outcome } from "../nouns/outcome.ts";
import { backoffMs } from "../rules/backoff.ts";
import type { FreeRetries } from "./attempts.ts";
import type { DeadLetters } from "./dead_letters.ts";
import { StoreError } from "./jetstream_store.ts";
import { discard } from "./redrive.ts";
import { PARK_FROM_MS, type RetryLane } from "./retry_lane.ts";

const ACK = "+ACK";
const WORKING = "+WPI";
const BURY_AGAIN = { attempts: 1, initialMs: 500, maxMs: 10_000, factor: 2, jitter: "full" } as const;

/**
 * Carries out outcomes: the only place that acknowledges, gives back or terminates a message. What an outcome
 * rests on is stored first: a dead letter before its original goes, an unused attempt before the message does.
 */
export class NatsSettler implements Settler {
  #givingUp = false;

  constructor(
    readonly nc: NatsConnection,
    readonly deadLetters: DeadLetters,
    readonly freeRetries: FreeRetries,
    readonly lane: RetryLane,
    readonly jsm: JetStreamManager,
    readonly clock: Clock,
  ) {}

  async settle(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome,
    progress?: Progress,
  ): Promise<Settlement> {
    try {
      // From here on the redriven event stands for its dead letter: were that left, it could be redriven again.
      if (delivery.deadLetter !== undefined) await discard(this.jsm, delivery.deadLetter);
      switch (outcome.kind) {
        case "ack":
          this.#reply(delivery, ACK);
          break;
        case "retry":
          if (progress && outcome.delayMs >= PARK_FROM_MS) await this.#park(functionName, delivery, outcome, progress);
          else await this.#giveBack(functionName, delivery, outcome);
          break;
        case "dead-letter":
          await this.#bury(functionName, delivery, outcome);
          this.#reply(delivery, `+TERM weir: ${outcome.reason}`);
      }
      return { ok: true };
    } catch (error) {
      return { ok: false, error };
    }
  }

  extend(delivery: Delivery): void {
    if (!this.nc.isClosed()) this.#reply(delivery, WORKING);
  }

  /** Stops repeating what cannot be stored: the process must end, and JetStream still has the messages. */
  giveUp(): void {
    this.#givingUp = true;
  }

  async #giveBack(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome & { kind: "retry" },
  ): Promise<void> {
    try {
      if (!outcome.usesAttempt) await this.freeRetries.add(functionName, delivery);
    } finally {
      // A delay always goes with it: without one the message comes back at once, and again, and again.
      const delayNanos = Math.max(1, outcome.delayMs) * 1e6;
      this.#reply(delivery, `-NAK {"delay":${delayNanos}}`);
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
      await this.lane.park(functionName, delivery, this.clock.now() + outcome.delayMs, progress);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return await this.#giveBack(functionName, delivery, outcome);
    }
    this.#reply(delivery, ACK);
  }

  /**
   * Stores the dead letter, however long that takes: the message is held meanwhile, so while dead letters cannot
   * be stored the function takes on less and less, which is right. Only a shutdown ends it.
   */
  async #bury(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome & { kind: "dead-letter" },
  ): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        await this.deadLetters.store(functionName, delivery, outcome);
        return;
      } catch (error) {
        if (this.#givingUp || (error instanceof StoreError && error.problem === "too-large")) throw error;
        const delayMs = backoffMs(BURY_AGAIN, tries, this.clock.random());
        await new Promise<void>((resolve) => this.clock.timer(delayMs, resolve));
      }
    }
  }

  #reply(delivery: Delivery, answer: string): void {
    this.nc.publish(delivery.handle, answer);
  }
}
