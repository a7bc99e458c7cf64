import type { Log } from "../../api/context.ts";
import type { Clock } from "../../engine/clock.ts";
import { restartAfter } from "../../core/restart_backoff.ts";
import type { WorkerAddress } from "./messages.ts";
import type { WorkerEnd, WorkerProcess } from "./worker_process.ts";

/** A place for a worker: what ends there is started again. */
export interface Place {
  /** From 1. */
  readonly number: number;
  /** What runs there now; undefined between two. */
  readonly process: WorkerProcess | undefined;
  /** Where it listens, once it is up. */
  readonly address: WorkerAddress | undefined;
  /** How the last one ended, in words; undefined when none has. */
  readonly lastEnd: string | undefined;
}

/** What a supervisor stands on. */
interface SupervisorOptions {
  readonly count: number;
  /** How long they have to end once they are asked to. */
  readonly graceMs: number;
  /** @param url where the public listener is, once a worker has said so */
  readonly spawn: (number: number, url: string | undefined) => WorkerProcess;
  readonly clock: Clock;
  readonly log: Log;
  /** Is told of each process that ended. */
  readonly ended: (process: WorkerProcess) => void;
  /** Is told of each that is started in the stead of one that ended. */
  readonly restarted: () => void;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
interface OwnPlace extends Mutable<Place> {
  failures: number;
  cancelRestart: () => void;
}

/** A worker that could not even start: what it said of it is on its standard error. */
export class WorkerNeverReady extends Error {
  readonly code = "worker-never-ready";

  constructor(readonly number: number, readonly end: WorkerEnd) {
    super(`worker ${number} ${inWords(end)} before it was ready`);
  }
}

/** Keeps a number of workers running. It runs no function, so that nothing a function does can end it. */
export class Supervisor {
  readonly #places: OwnPlace[];
  #url: string | undefined;
  #stopping = false;

  constructor(readonly options: SupervisorOptions) {
    this.#places = Array.from({ length: options.count }, (_, at) => ({
      number: at + 1,
      process: undefined,
      address: undefined,
      lastEnd: undefined,
      failures: 0,
      cancelRestart: () => {},
    }));
  }

  get places(): readonly Place[] {
    return this.#places;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /**
   * Resolves once all of them are up, to where they listen. The first goes ahead: it finds what is wrong with the
   * configuration, the code or NATS, says so once, and makes the streams and consumers that the others find.
   *
   * @throws {WorkerNeverReady} when one ends before it is up, with none left running.
   */
  async start(): Promise<string> {
    const [first, ...others] = this.#places;
    try {
      await this.#up(first);
      await Promise.all(others.map((place) => this.#up(place)));
    } catch (error) {
      if (!this.#stopping) await this.stop();
      throw error;
    }
    return this.#url!;
  }

  /** Asks all of them to end, makes those that have not within the grace, and says whether each ended well. */
  async stop(): Promise<boolean> {
    this.#stopping = true;
    for (const { cancelRestart } of this.#places) cancelRestart();
    const running = this.#places.flatMap(({ process }) => process ?? []);
    for (const process of running) process.stop();
    const cancel = this.options.clock.timer(this.options.graceMs, () => this.kill());
    const ends = await Promise.all(running.map(({ ended }) => ended));
    cancel();
    return ends.every(({ code }) => code === 0);
  }

  /** Ends all of them at once. */
  kill(): void {
    this.#stopping = true;
    for (const { process } of this.#places) process?.kill();
  }

  async #up(place: OwnPlace): Promise<void> {
    if (this.#stopping) throw new Error("asked to end before every worker was up"); // it would outlive the stop
    const { ready, ended } = this.#spawn(place);
    const end = await Promise.race([ready, ended]);
    if ("code" in end) throw new WorkerNeverReady(place.number, end);
  }

  #spawn(place: OwnPlace): WorkerProcess {
    const { spawn, clock } = this.options;
    const startedAtMs = clock.now(), process = spawn(place.number, this.#url);
    place.process = process;
    void process.ready.then((address) => {
      if (place.process !== process) return; // its end and its word may cross
      place.address = address;
      this.#url ??= address.url;
    });
    void process.ended.then((end) => this.#ended(place, process, end, clock.now() - startedAtMs));
    return process;
  }

  #ended(place: OwnPlace, process: WorkerProcess, end: WorkerEnd, ranMs: number): void {
    const { clock, log, ended, restarted } = this.options;
    const neverUp = place.address === undefined && place.lastEnd === undefined;
    place.process = place.address = undefined;
    place.lastEnd = inWords(end);
    ended(process);
    if (this.#stopping || neverUp) return; // of the latter `start` tells
    const { failures, delayMs } = restartAfter(place.failures, ranMs);
    place.failures = failures;
    log.error(`worker ${place.number} ${place.lastEnd}: another is started in its place`, {
      worker: place.number,
      pid: process.pid,
      ran_ms: Math.round(ranMs),
      in_ms: delayMs,
    });
    place.cancelRestart = clock.timer(delayMs, () => {
      restarted();
      this.#spawn(place);
    });
  }
}

/** As a message has it: `exited with code 1`. */
function inWords({ code, signal }: WorkerEnd): string {
  return signal ? `was ended by ${signal}` : `exited with code ${code}`;
}
