import { type ConsumerInfo, JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import type { Durable } from "../nats/topology/resources.ts";

/** Consumers of a stream from which on one list costs less than a request for each. A list may hold many of others. */
const MIN_LISTED = 3;
/** Milliseconds between two rounds for each consumer that cannot be listed: 20 requests a second, as metrics make. */
const PER_CONSUMER_MS = 50;

/** Reads the infos of many consumers with few requests: the server lists 256 consumers of a stream in one response. */
export class ConsumerList {
  /** Infos of the last round. */
  infos: ReadonlyMap<Durable, ConsumerInfo> = new Map();
  /** Infos of the round before. */
  #before: ReadonlyMap<Durable, ConsumerInfo> = new Map();
  /** Streams whose consumers the NATS user may not list, and when they were read one by one. */
  readonly #unlisted = new Map<string, number>();

  constructor(readonly jsm: JetStreamManager) {}

  readonly read = async (durables: readonly Durable[]): Promise<ReadonlyMap<Durable, ConsumerInfo>> => {
    const found = new Map<Durable, ConsumerInfo>();
    const streams = [...Map.groupBy(durables, ({ stream }) => stream)];
    await Promise.all(streams.map(async ([stream, own]) => {
      const listed = own.length < MIN_LISTED || this.#unlisted.has(stream) ? undefined : await this.#list(stream);
      const isRecent = performance.now() - (this.#unlisted.get(stream) ?? -Infinity) < own.length * PER_CONSUMER_MS;
      if (!listed && this.#unlisted.has(stream) && !isRecent) this.#unlisted.set(stream, performance.now());
      for (const durable of own) {
        const { consumer } = durable, known = isRecent ? this.infos.get(durable) : undefined;
        const info = listed ? listed.get(consumer) : known ?? await this.#info(stream, consumer);
        if (info) found.set(durable, info);
      }
    }));
    this.#before = this.infos;
    return this.infos = found;
  };

  /**
   * Returns whether no more waits in a consumer than it has delivered since the round before: then nothing has waited
   * for longer than that. Of the first round nothing is known, and the next one tells.
   */
  readonly keepsUp = (durable: Durable, { num_pending, num_ack_pending, delivered }: ConsumerInfo): boolean => {
    const before = this.#before.get(durable)?.delivered.consumer_seq;
    return before === undefined || num_pending + num_ack_pending <= delivered.consumer_seq - before;
  };

  /** Returns the deliveries of each function since its consumers were created, redeliveries among them. */
  delivered(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const [{ functionName }, { delivered }] of this.infos) {
      sums.set(functionName, (sums.get(functionName) ?? 0) + delivered.consumer_seq);
    }
    return sums;
  }

  async #list(stream: string): Promise<ReadonlyMap<string, ConsumerInfo> | undefined> {
    try {
      const all = await Array.fromAsync(this.jsm.consumers.list(stream));
      return new Map(all.map((info) => [info.name, info]));
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.#unlisted.set(stream, -Infinity);
      return undefined;
    }
  }

  async #info(stream: string, consumer: string): Promise<ConsumerInfo | undefined> {
    try {
      return await this.jsm.consumers.info(stream, consumer);
    } catch (error) {
      if (isRefused(error)) return undefined;
      throw error;
    }
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof JetStreamApiError || isDenied(error);
}

/** Returns whether the NATS user lacks a permission. */
export function isDenied(error: unknown): boolean {
  return [error, (error as Error).cause].some((one) => one instanceof errors.PermissionViolationError);
}
