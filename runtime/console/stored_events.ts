import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { decodeAttribute } from "../core/cloudevent.ts";
import type { Namespace } from "../core/namespace.ts";
import { readBatch } from "../nats/inspect/read_batch.ts";
import { findStoredEvent, readStoredEvent, type StoredEvent, streamsStoring } from "../nats/inspect/read_message.ts";
import type { Registry } from "../project/registry.ts";
import { previewOf } from "./payload_view.ts";

/** Bytes of one read: a page shows only the beginning of each payload. */
const MAX_BYTES = 2_000_000;
/** Sequences that the reads go back from the end of a stream, one read after the other until there are enough. */
const REACHES = [100, 1_000];

export interface RecentEvent {
  readonly stream: string;
  readonly sequence: number;
  readonly time: string;
  readonly type: string;
  readonly id?: string;
  readonly bytes: number;
  readonly preview: string;
}

/** Reads the events that the streams of a project store. */
export class StoredEvents {
  constructor(
    readonly registry: Registry,
    readonly cluster: { readonly nc: NatsConnection; readonly jsm: JetStreamManager; readonly names: Namespace },
  ) {}

  /** Returns the last events, the newest first. @param type Type or subject pattern. Default: all. */
  async recent(type: string | undefined, limit: number): Promise<RecentEvent[]> {
    const streams = await this.#streams(type);
    const found = await Promise.all(streams.map((stream) => this.#lastOf(stream, type, limit).catch(() => [])));
    return found.flat().sort((a, b) => a.time < b.time ? 1 : -1).slice(0, limit);
  }

  /** Returns the event at a position; undefined if there is none, or if the stream is not one of the project. */
  async read(stream: string, sequence: number): Promise<StoredEvent | undefined> {
    if (!(await this.#streams()).includes(stream)) return undefined;
    return await readStoredEvent(this.cluster.nc, stream, { seq: sequence });
  }

  /** Returns the last event of a type with an id; undefined if there is none. */
  async find(type: string, id: string): Promise<StoredEvent | undefined> {
    const { nc, jsm, names } = this.cluster, subject = names.subject(type);
    for (const stream of await streamsStoring(jsm, subject, names)) {
      const last = await readStoredEvent(nc, stream, { last_by_subj: subject }); // most look for what has just come
      if (last && isEvent(last, id)) return last;
      const found = await findStoredEvent(nc, stream, subject, id);
      if (found) return found;
    }
  }

  /** Returns the streams of the project that store a type. Default: all of them. */
  async #streams(type?: string): Promise<string[]> {
    const { jsm, names } = this.cluster;
    if (type !== undefined) return await streamsStoring(jsm, names.subject(type), names);
    const { streams, foreignStreams = [], functions } = this.registry;
    const triggered = functions.flatMap(({ triggers }) => triggers.map(({ stream }) => stream));
    const own = [...streams.map(({ name }) => name), ...foreignStreams, ...triggered];
    return [...new Set(own)].map((name) => names.stream(name));
  }

  async #lastOf(stream: string, type: string | undefined, limit: number): Promise<RecentEvent[]> {
    const { jsm, names } = this.cluster, { state } = await jsm.streams.info(stream);
    const next_by_subj = type === undefined ? ">" : names.subject(type);
    // The last events of a type may lie far back between others: the reads go back further, up to a bound.
    for (const reach of REACHES) {
      const seq = Math.max(1, state.last_seq - reach + 1);
      const messages = await readBatch(jsm, stream, { seq, next_by_subj, batch: reach, max_bytes: MAX_BYTES });
      if (messages.length < limit && seq > 1 && reach < REACHES.at(-1)!) continue;
      return messages.slice(-limit).map((message) => this.#recentEvent(stream, message));
    }
    return [];
  }

  #recentEvent(stream: string, { seq: sequence, subject, time, header, data }: StoredMsg): RecentEvent {
    const id = decodeAttribute(header?.get("ce-id") ?? "") || header?.get("Nats-Msg-Id");
    return {
      stream,
      sequence,
      time: time.toISOString(),
      type: this.cluster.names.typeOf(subject, stream),
      ...(id && { id }),
      bytes: data.length,
      preview: previewOf(data),
    };
  }
}

function isEvent({ headers }: StoredEvent, id: string): boolean {
  const find = (name: string) => Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  return decodeAttribute(find("ce-id") ?? "") === id || find("nats-msg-id") === id;
}
