import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";

/** How often the server is asked for a sign of life, and for how long it may owe one. */
const EVERY_MS = 2_000;
const LATE_MS = 4_000;

/**
 * Knows whether the server is there, also when nothing is sent: one that hangs keeps its connections, and the client
 * finds out after twenty seconds at the soonest. It is asked for nothing but an answer, and not again before that came.
 */
export class Pulse {
  #askedAtMs: number | undefined;
  #lostFrom: string | undefined;
  #cancel: () => void = () => {};

  constructor(readonly nc: Pick<NatsConnection, "flush" | "getServer">, readonly clock: Clock) {}

  start(): void {
    this.#ask();
    this.#cancel = this.clock.timer(EVERY_MS, () => this.start());
  }

  stop(): void {
    this.#cancel();
  }

  disconnected(server: string): void {
    this.#lostFrom = server;
  }

  reconnected(): void {
    this.#lostFrom = this.#askedAtMs = undefined;
  }

  /** Undefined when the server answers; else what is wrong. */
  problem(): string | undefined {
    if (this.#lostFrom !== undefined) return `disconnected from ${this.#lostFrom}`;
    const owedMs = this.clock.now() - (this.#askedAtMs ?? Infinity);
    if (owedMs < LATE_MS) return undefined;
    return `${this.nc.getServer()} has not answered for ${Math.floor(owedMs / 1_000)} s`;
  }

  #ask(): void {
    if (this.#askedAtMs !== undefined || this.#lostFrom !== undefined) return;
    const askedAtMs = this.#askedAtMs = this.clock.now();
    const over = () => {
      if (this.#askedAtMs === askedAtMs) this.#askedAtMs = undefined;
    };
    this.nc.flush().then(over, over); // it fails when the connection is lost, which is told by itself
  }
}
