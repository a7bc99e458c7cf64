import { type JetStreamManager, RetentionPolicy } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../engine/clock.ts";
import type { PublishResult } from "../../engine/publisher.ts";
import { PublishError } from "./publish_error.ts";
import { scanStream } from "../inspect/scan_stream.ts";

/** Finds a message that may have been stored before. */
export interface StoredBefore {
  /**
   * @param sinceMs when it may have been stored, at the earliest: milliseconds since 1970
   * @returns undefined when it was not, or so lately that JetStream itself drops a repeat
   */
  find(subject: string, id: string, sinceMs: number): Promise<PublishResult | undefined>;
}

const GIVE_UP_MS = 8_000;
const AGAIN_MS = 500;

interface Wanted {
  readonly id: string;
  readonly sinceMs: number;
  found(stored: PublishResult | undefined): void;
  failed(error: unknown): void;
}

/**
 * Looks for messages by their id after JetStream has forgotten it: it remembers ids for two minutes, and a redelivery
 * may come hours later. A stream has no index of ids, so it is read from the time in question on, headers only; one
 * reading serves all who wait for that subject. The price is paid by a late redelivery alone.
 */
export class LateDedup implements StoredBefore {
  readonly #wanted = new Map<string, Wanted[]>();
  readonly #reading = new Set<string>();

  constructor(readonly nc: NatsConnection, readonly jsm: JetStreamManager, readonly clock: Clock) {}

  /** A server that restarts meanwhile is waited for, as it is in storing: a failure would use up an attempt. */
  async find(subject: string, id: string, sinceMs: number): Promise<PublishResult | undefined> {
    for (const giveUpAtMs = this.clock.now() + GIVE_UP_MS;;) {
      try {
        return await this.#look(subject, id, sinceMs);
      } catch (error) {
        if (this.clock.now() + AGAIN_MS > giveUpAtMs || this.nc.isClosed()) {
          const what = `it cannot be told whether "${subject}" is stored already: ${(error as Error).message}`;
          throw new PublishError("unavailable", what, { cause: error });
        }
        await new Promise<void>((resolve) => this.clock.timer(AGAIN_MS, resolve));
      }
    }
  }

  async #look(subject: string, id: string, sinceMs: number): Promise<PublishResult | undefined> {
    const stream = await this.jsm.streams.find(subject);
    const { config } = await this.jsm.streams.info(stream);
    // A stream from which messages go when they are handled cannot tell: there JetStream's own memory is all there is.
    if (config.retention !== RetentionPolicy.Limits) return undefined;
    // Half of it: the clocks of this machine and the server's need not agree to the second.
    if (this.clock.now() - sinceMs < config.duplicate_window / 1e6 / 2) return undefined;
    return await new Promise((found, failed) => {
      const wanted = this.#wanted.get(subject) ?? [];
      this.#wanted.set(subject, wanted);
      wanted.push({ id, sinceMs, found, failed });
      if (!this.#reading.has(subject)) void this.#read(subject, stream, wanted);
    });
  }

  async #read(subject: string, stream: string, wanted: Wanted[]): Promise<void> {
    this.#reading.add(subject);
    while (wanted.length > 0) {
      const group = Map.groupBy(wanted.splice(0), ({ id }) => id);
      try {
        const sinceMs = [...group.values()].flat().reduce((least, one) => Math.min(least, one.sinceMs), Infinity);
        for await (const { seq, headers } of scanStream(this.nc, { stream, filter: subject, sinceMs })) {
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
    this.#reading.delete(subject);
    this.#wanted.delete(subject);
  }
}
