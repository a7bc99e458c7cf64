import type { NatsConnection } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import { readWindow } from "../../core/rate_window.ts";
import type { RateStore, StoredWindow } from "../../engine/rate_store.ts";
import { namedBucket } from "../topology/resources.ts";
import { RATES } from "./resources.ts";
import { RevisionedValues } from "./revisioned_values.ts";

/** Keeps the windows of rate limits in a NATS key-value bucket, so that no two processes take the same start. */
export class NatsRateStore implements RateStore {
  readonly #values: RevisionedValues;

  /**
   * @param replicas Replicas of a new bucket. Undefined: a missing bucket is not created.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(nc: NatsConnection, replicas: number | undefined, names: Namespace = NO_NAMESPACE) {
    this.#values = new RevisionedValues(nc, namedBucket(RATES, names), replicas, names);
  }

  async read(functionName: string, key: string): Promise<StoredWindow> {
    const { value, revision } = await this.#values.read(`${functionName}.${key}`);
    return { window: readWindow(value), revision };
  }

  write(
    functionName: string,
    key: string,
    { window, revision }: StoredWindow,
    ttlMs: number,
  ): Promise<number | undefined> {
    return this.#values.write(`${functionName}.${key}`, window, revision, ttlMs);
  }
}
