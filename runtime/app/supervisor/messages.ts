import type { MetricData } from "@opentelemetry/sdk-metrics";

/** What a worker tells its supervisor: where it listens, once it is up, and what it has counted, when it is asked. */
export type FromWorker =
  | { readonly ready: WorkerAddress }
  | { readonly metrics: readonly MetricData[] };

/** What a supervisor asks its workers. */
export type ToWorker = "metrics";

/** Where a worker listens. */
export interface WorkerAddress {
  /** The public listener, which it shares with the others. */
  readonly url: string;
  /** An admin listener of its own, on loopback. */
  readonly adminUrl: string;
}
