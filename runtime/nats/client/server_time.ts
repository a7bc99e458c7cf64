import type { JetStreamManager } from "@nats-io/jetstream";
import { type ClockOffset, middleOf, narrowOffset, offsetOf } from "../../core/clock_offset.ts";
import type { Clock, ServerClock } from "../../engine/clock.ts";

/**
 * Interval, in milliseconds, at which the server's time is read. If the server's clock is set, Weir notices within this
 * time.
 */
const READ_INTERVAL_MS = 30_000;

/**
 * The server's time. Every answer of the JetStream API carries the time at which the server wrote it. Between two
 * readings the monotonic clock counts on, so that it does not matter how the clock of this host is set.
 */
export class ServerTime implements ServerClock {
  #offset: ClockOffset | undefined;
  #cancel: () => void = () => {};
  #stopped = false;
  readonly random: Clock["random"];
  readonly timer: Clock["timer"];

  /**
   * @param stream The stream whose server is asked. It is the stream of delayed retries, since their schedules go by
   * that server's clock.
   */
  constructor(
    readonly jsm: { readonly streams: Pick<JetStreamManager["streams"], "info"> },
    readonly stream: string,
    readonly clock: ServerClock,
  ) {
    this.random = clock.random;
    this.timer = clock.timer;
  }

  now(): number {
    return this.clock.now();
  }

  serverNow(): number {
    return this.#offset ? Math.round(this.clock.now() + middleOf(this.#offset)) : this.clock.serverNow();
  }

  /** Returns the milliseconds by which the server's clock is ahead of this host's, or undefined until that is known. */
  aheadMs(): number | undefined {
    return this.#offset && this.serverNow() - this.clock.serverNow();
  }

  /** Reads the server's time, and again every 30 seconds. */
  async start(): Promise<void> {
    await this.read();
    if (!this.#stopped) this.#cancel = this.clock.timer(READ_INTERVAL_MS, () => void this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Reads the server's time once. Without an answer it keeps what it knows. */
  async read(): Promise<void> {
    const sentMs = this.clock.now();
    const info = await this.jsm.streams.info(this.stream).catch(() => undefined), receivedMs = this.clock.now();
    if (info) this.#offset = narrowOffset(this.#offset, offsetOf(sentMs, serverTime(info), receivedMs));
  }
}

/** Returns the time at which the server wrote an answer of the JetStream API. The client's types lack the field. */
export function serverTime(answer: object): number {
  return Date.parse((answer as { ts?: string }).ts ?? "") || Date.now();
}
