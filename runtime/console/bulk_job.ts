import type { DeadLetterFilter, Redriven } from "../core/dead_letter.ts";
import { Problem } from "../http/problem.ts";
import type { DeadLetterService } from "../nats/dead_letters/service.ts";

/** Finished jobs that are remembered, so that a page learns how its own ended. */
const MAX_JOBS = 20;
/** Dead letters that are discarded at once. */
const WINDOW = 64;

type JobService = Pick<DeadLetterService, "groups" | "list" | "discard" | "sendParked" | "redriveAll">;

export type BulkAction = "redrive" | "discard";

/** Outcomes of single dead letters, with their counts. */
type Tally = Record<Redriven | "discarded" | "failed", number>;

/** A redrive or discard of many dead letters, as a page follows it. */
export interface BulkJobStatus {
  readonly id: string;
  readonly action: BulkAction;
  readonly state: "running" | "done" | "cancelled" | "failed";
  /** Dead letters that matched when it began. */
  readonly total: number;
  readonly done: number;
  readonly tally: Tally;
  readonly error?: string;
}

/** A job that runs until it has gone through the dead letters that match, or is cancelled. */
class BulkJob {
  readonly id = crypto.randomUUID();
  readonly #abort = new AbortController();
  readonly #tally: Tally = {
    redriven: 0,
    discarded: 0,
    "held-back": 0,
    parked: 0,
    "no-function": 0,
    "too-large": 0,
    missing: 0,
    failed: 0,
  };
  #state: BulkJobStatus["state"] = "running";
  #error: string | undefined;

  constructor(
    readonly service: JobService,
    readonly action: BulkAction,
    readonly filter: DeadLetterFilter,
    readonly force: boolean,
    readonly total: number,
  ) {}

  get status(): BulkJobStatus {
    const tally = { ...this.#tally }, done = Object.values(tally).reduce((sum, count) => sum + count, 0);
    const error = this.#error === undefined ? {} : { error: this.#error };
    return { id: this.id, action: this.action, state: this.#state, total: this.total, done, tally, ...error };
  }

  cancel(): void {
    this.#abort.abort();
  }

  async run(): Promise<void> {
    const { service, filter, force } = this, { signal } = this.#abort;
    try {
      const progress = (tally: Partial<Tally>) => void Object.assign(this.#tally, tally);
      const failed = (_: number, error: unknown) => void (this.#error ??= (error as Error).message);
      if (this.action === "redrive") await service.redriveAll(filter, force, { signal, progress, failed });
      else await this.#discardAll();
      this.#state = signal.aborted ? "cancelled" : "done";
    } catch (error) {
      this.#state = "failed";
      this.#error = (error as Error).message;
    }
  }

  async #discardAll(): Promise<void> {
    const parked = new Map<string, string>();
    try {
      await this.#discardEach(parked);
    } finally {
      await this.service.sendParked(parked); // at the end, since parked events may be discarded as well
    }
  }

  async #discardEach(parked: Map<string, string>): Promise<void> {
    let window: number[] = [];
    const discard = async () => {
      const found = await Promise.all(window.map((sequence) => this.service.discard(sequence, parked)));
      for (const one of found) this.#tally[one ? "discarded" : "missing"]++;
      window = [];
    };
    for await (const { sequence } of this.service.list(this.filter)) {
      if (this.#abort.signal.aborted) return;
      if (window.push(sequence) === WINDOW) await discard();
    }
    await discard();
  }
}

/** The redrives and discards of many dead letters that this process was asked for. */
export class BulkJobs {
  readonly #jobs = new Map<string, BulkJob>();

  constructor(readonly service: JobService) {}

  /**
   * Begins a job. It concerns the dead letters that are stored already.
   *
   * @throws {Problem} 429 while as many are running as are remembered.
   */
  async begin(action: BulkAction, filter: DeadLetterFilter, force: boolean): Promise<BulkJobStatus> {
    const { groups, ungrouped } = await this.service.groups(filter);
    const total = groups.reduce((sum, { count }) => sum + count, ungrouped);
    const job = new BulkJob(this.service, action, filter, force, total);
    if (this.#jobs.size >= MAX_JOBS) {
      const ended = [...this.#jobs.values()].find(({ status }) => status.state !== "running");
      if (!ended) {
        throw new Problem("too-many-requests", `${MAX_JOBS} jobs are running: cancel one, or wait for its end`);
      }
      this.#jobs.delete(ended.id);
    }
    this.#jobs.set(job.id, job);
    void job.run();
    return job.status;
  }

  status(id: string): BulkJobStatus | undefined {
    return this.#jobs.get(id)?.status;
  }

  /** Ends a job after the dead letters that it has begun. Returns false if there is none. */
  cancel(id: string): boolean {
    const job = this.#jobs.get(id);
    job?.cancel();
    return job !== undefined;
  }
}
