import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import type { Clock } from "../../engine/ports.ts";

/** Asks again while nobody answers, as during an election or a restart, until a time is up. */
export class RetryWhileUnavailable {
  readonly #giveUpAtMs: number;

  constructor(readonly clock: Clock, limitMs: number, readonly everyMs: number) {
    this.#giveUpAtMs = clock.now() + limitMs;
  }

  get isOver(): boolean {
    return this.clock.now() > this.#giveUpAtMs;
  }

  pause(): Promise<void> {
    return new Promise((resolve) => this.clock.timer(this.everyMs, resolve));
  }

  /**
   * @param request may be made twice: an answer can be lost
   * @param givenUp makes the error that is thrown when the time is up
   */
  async ask<Value>(request: () => Promise<Value>, givenUp: (error: Error) => Error): Promise<Value> {
    for (;;) {
      try {
        return await request();
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        if (this.isOver) throw givenUp(error);
        await this.pause();
      }
    }
  }
}

/** Nobody answers, or nobody who can at this moment. */
export function isUnavailable(error: unknown): error is Error {
  if (error instanceof JetStreamApiError) return error.status === 503;
  const { cause } = error as Error;
  return [error, cause].some((one) =>
    one instanceof errors.TimeoutError || one instanceof errors.NoRespondersError ||
    one instanceof errors.ConnectionError
  );
}
