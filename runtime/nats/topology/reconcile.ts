import type { Clock } from "../../engine/clock.ts";

/** Whether two repairs may follow each other: a cluster that is coming up must not be asked all the time. */
const PAUSE_MS = 1_000;

/** Makes the topology again when something of it is gone. Many ask at once; it is done once. */
export class Reconciler {
  #running: Promise<void> | undefined;
  #cancel: () => void = () => {};

  /**
   * @param apply makes everything that is missing
   * @param done is told how it went
   */
  constructor(
    readonly apply: () => Promise<void>,
    readonly clock: Clock,
    readonly done: (error?: unknown) => void,
  ) {}

  /** Something is gone. */
  ask(): void {
    this.#running ??= this.#run();
  }

  /** Waits for a repair under way, and makes no more. */
  async stop(): Promise<void> {
    this.ask = () => {};
    await this.#running;
    this.#cancel();
  }

  async #run(): Promise<void> {
    try {
      await this.apply();
      this.done();
    } catch (error) {
      this.done(error);
    }
    this.#cancel = this.clock.timer(PAUSE_MS, () => this.#running = undefined);
  }
}
