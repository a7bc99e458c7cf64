import type { Clock } from "../../engine/clock.ts";

/** Pause between two runs in milliseconds. It bounds the load on a cluster that is still starting. */
const PAUSE_MS = 1_000;

/** Re-creates missing streams and consumers on request. Requests during a run or its pause start no other. */
export class Reconciler {
  #running: Promise<void> | undefined;
  #cancelPause: () => void = () => {};

  /**
   * @param apply Creates everything that is missing.
   * @param done Called after each run, with the error if it failed.
   */
  constructor(readonly apply: () => Promise<void>, readonly clock: Clock, readonly done: (error?: unknown) => void) {}

  /** Requests a run, since a consumer or stream is missing or changed. */
  ask(): void {
    this.#running ??= this.#run();
  }

  /** Waits for the current run, and starts no other. */
  async stop(): Promise<void> {
    this.ask = () => {};
    await this.#running;
    this.#cancelPause();
  }

  async #run(): Promise<void> {
    try {
      await this.apply();
      this.done();
    } catch (error) {
      this.done(error);
    }
    this.#cancelPause = this.clock.timer(PAUSE_MS, () => this.#running = undefined);
  }
}
