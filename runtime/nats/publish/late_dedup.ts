import { type JetStreamManager, RetentionPolicy } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";
import { PublishError, type PublishResult } from "../../engine/publisher.ts";
import { serverTime } from "../client/server_time.ts";
import { scanStream } from "../inspect/scan_stream.ts";

export interface DuplicateFinder {
  /**
   * @param sinceMs Earliest time at which the message may have been stored, in milliseconds since 1970.
   * @returns Undefined when it was not stored, or so lately that JetStream's duplicate window covers it.
   */
  find(subject: string, id: string, sinceMs: number): Promise<PublishResult | undefined>;
}

/** Time for all tries together, and the delay between two tries, in milliseconds. */
const GIVE_UP_MS = 8_000;
const RETRY_MS = 500;

interface Search {
  readonly id: string;
  readonly sinceMs: number;
  found(stored: PublishResult | undefined): void;
  failed(error: unknown): void;
}

/**
 * Finds messages by their id once the duplicate window is over, as at a redelivery hours later. A stream has no index
 * of ids, so the headers of its messages are read, from the earliest possible time on. One scan serves all searches for
 * a subject. Only late redeliveries need a scan.
 */
export class LateDedup implements DuplicateFinder {
  readonly #searches = new Map<string, Search[]>();
  readonly #scanning = new Set<string>();

  constructor(readonly nc: NatsConnection, readonly jsm: JetStreamManager, readonly clock: Clock) {}

  /** Retries while a server restarts, as publishing does: a failure would use up an attempt. */
  async find(subject: string, id: string, sinceMs: number): Promise<PublishResult | undefined> {
    for (const giveUpAtMs = this.clock.now() + GIVE_UP_MS;;) {
      try {
        return await this.#find(subject, id, sinceMs);
      } catch (error) {
        if (this.clock.now() + RETRY_MS > giveUpAtMs || this.nc.isClosed()) {
          const what = `it cannot be told whether "${subject}" is stored already: ${(error as Error).message}`;
          throw new PublishError("unavailable", what, { cause: error });
        }
        await new Promise<void>((resolve) => this.clock.timer(RETRY_MS, resolve));
      }
    }
  }

  async #find(subject: string, id: string, sinceMs: number): Promise<PublishResult | undefined> {
    const stream = await this.jsm.streams.find(subject);
    const info = await this.jsm.streams.info(stream), { config } = info;
    // A stream that removes handled messages cannot tell: there is only the duplicate window.
    if (config.retention !== RetentionPolicy.Limits) return undefined;
    // Half of the window, since another server may have stored it. Both times are of servers.
    if (serverTime(info) - sinceMs < config.duplicate_window / 1e6 / 2) return undefined;
    return await new Promise((found, failed) => {
      const searches = this.#searches.get(subject) ?? [];
      this.#searches.set(subject, searches);
      searches.push({ id, sinceMs, found, failed });
      if (!this.#scanning.has(subject)) void this.#scan(subject, stream, searches);
    });
  }

  async #scan(subject: string, stream: string, searches: Search[]): Promise<void> {
    this.#scanning.add(subject);
    while (searches.length > 0) {
      const group = Map.groupBy(searches.splice(0), ({ id }) => id);
      try {
        const sinceMs = [...group.values()].flat().reduce((least, one) => Math.min(least, one.sinceMs), Infinity);
        for await (const { seq, headers } of scanStream(this.nc, stream, subject, { sinceMs })) {
          const id = headers?.get("Nats-Msg-Id") ?? "";
          for (const one of group.get(id) ?? []) one.found({ stream, sequence: seq, duplicate: true });
          group.delete(id);
          if (group.size === 0) break;
        }
        for (const one of [...group.values()].flat()) one.found(undefined);
      } catch (error) {
        for (const one of [...group.values()].flat()) one.failed(error);
      }
    }
    this.#scanning.delete(subject);
    this.#searches.delete(subject);
  }
}
