import type { Clock } from "../../engine/clock.ts";
import { PublishError } from "../../engine/publisher.ts";

/** Milliseconds for which assigning fails before it is reported, and between two reports: longer than a restart. */
const REPORT_MS = 10_000;

/** Reports that events of functions cannot be assigned to their partitions, once that has lasted. */
export class UnassignedEvents {
  /** Times of the first failures since the last success, or of the last reports, by function. */
  readonly #sinceMs = new Map<string, number>();

  /** @param report Called repeatedly while assigning fails. */
  constructor(readonly clock: Pick<Clock, "now">, readonly report: (functionName: string, error: unknown) => void) {}

  /** Resolves and rejects as a request of the process that assigns does. */
  async watch<Result>(functionName: string, request: Promise<Result>): Promise<Result> {
    try {
      const result = await request;
      this.#sinceMs.delete(functionName);
      return result;
    } catch (error) {
      if (!isExpected(error)) this.#failed(functionName, error);
      throw error;
    }
  }

  #failed(functionName: string, error: unknown): void {
    const nowMs = this.clock.now();
    if (nowMs - this.#sinceMs.getOrInsert(functionName, nowMs) < REPORT_MS) return;
    this.#sinceMs.set(functionName, nowMs);
    this.report(functionName, error);
  }
}

/** Returns whether a partition is full, as it is while events wait, or an event is too large and becomes a dead letter. */
function isExpected(error: unknown): boolean {
  if (!(error instanceof PublishError)) return false;
  return error.code === "too-large" || error.code === "full" && /messages per subject/.test(error.message);
}
