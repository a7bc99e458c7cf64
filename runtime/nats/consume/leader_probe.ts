import type { Clock } from "../../engine/clock.ts";
import { INFO_MS } from "./pull_timing.ts";

/**
 * Requests a consumer's info until its leader answers. Without a leader a pull fails, or is lost without a status,
 * which is noticed only after three seconds. An info request delivers nothing, so it may be repeated often.
 */
export class LeaderProbe {
  #cancel: (() => void) | undefined;
  /** True while the probe asks a consumer that sent no heartbeats. No pull is sent meanwhile: it could be lost. */
  isSilent = false;

  /**
   * @param request Sends one request.
   * @param onEnd Called at the first answer of a leader, or once the time is up.
   */
  constructor(readonly clock: Clock, readonly request: () => void, readonly onEnd: () => void) {}

  /**
   * Starts the probe, or starts it anew.
   *
   * @param delayMs Delay of the first request in milliseconds.
   */
  start(delayMs: number, isSilent = false): void {
    this.stop();
    this.isSilent = isSilent;
    this.#askAfter(delayMs, this.clock.now() + INFO_MS.max);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.isSilent = false;
  }

  /**
   * Takes the answer to a request. An error is not from a leader: servers answer with errors during an election, and
   * when the consumer is deleted.
   */
  answered({ error }: { readonly error?: unknown }): void {
    if (!error && this.#cancel) this.#end();
  }

  #askAfter(delayMs: number, untilMs: number): void {
    this.#cancel = this.clock.timer(delayMs, () => {
      if (this.clock.now() >= untilMs) return this.#end();
      this.request();
      this.#askAfter(INFO_MS.interval, untilMs);
    });
  }

  #end(): void {
    this.stop();
    this.onEnd();
  }
}
