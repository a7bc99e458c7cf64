import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { decodeAttribute } from "../core/cloudevent.ts";
import { errorDetail } from "../core/error_detail.ts";
import type { Namespace } from "../core/namespace.ts";
import { covers } from "../core/subjects.ts";
import { findStoredEvent, readStoredEvent, type StoredEvent, streamsStoring } from "../nats/inspect/read_message.ts";
import type { Registry } from "../project/registry.ts";
import { previewOf } from "./payload_view.ts";

/** Messages that are read at once, and those that are read back from the end of a stream at most. */
const AT_ONCE = 50, MAX_REACH = 500;
/** Bytes that are read at once, and for one list, of all streams together: a list is read within a second. */
const BYTES_AT_ONCE = 4 * 1_048_576, MAX_BYTES = 32 * 1_048_576;

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

  /**
   * Returns the last events, the newest first, and fewer of large ones; and the streams that could not be read, with why.
   *
   * @param type Type or subject pattern. Default: all.
   */
  async recent(type: string | undefined, limit: number): Promise<{ events: RecentEvent[]; unread: string[] }> {
    const streams = type === undefined ? this.#streams() : await this.#storing(type), unread: string[] = [];
    const found = await Promise.all(
      streams.map((stream) =>
        this.#lastOf(stream, type, limit, streams.length).catch((error) => {
          unread.push(`${stream}: ${errorDetail(error).message}`);
          return [];
        })
      ),
    );
    return { events: found.flat().sort((a, b) => a.time < b.time ? 1 : -1).slice(0, limit), unread };
  }

  /** Returns the event at a position; undefined if there is none, or if the stream is not one of the project. */
  async read(stream: string, sequence: number): Promise<StoredEvent | undefined> {
    if (!this.#streams().includes(stream)) return undefined;
    return await readStoredEvent(this.cluster.nc, stream, { seq: sequence });
  }

  /** Returns the last event of a type with an id; undefined if there is none. */
  async find(type: string, id: string): Promise<StoredEvent | undefined> {
    const { nc, names } = this.cluster, subject = names.subject(type);
    for (const stream of await this.#storing(type)) {
      const last = await readStoredEvent(nc, stream, { last_by_subj: subject }); // most look for what has just come
      if (last && idOf(last) === id) return last;
      const found = await findStoredEvent(nc, stream, subject, id);
      if (found) return found;
    }
  }

  /** Returns the streams of the project that store a type. */
  async #storing(type: string): Promise<string[]> {
    const { jsm, names } = this.cluster, own = this.#streams();
    return (await streamsStoring(jsm, names.subject(type), names)).filter((name) => own.includes(name));
  }

  #streams(): string[] {
    const { streams, foreignStreams = [], functions } = this.registry;
    const triggered = functions.flatMap(({ triggers }) => triggers.map(({ stream }) => stream));
    const own = [...streams.map(({ name }) => name), ...foreignStreams, ...triggered];
    return [...new Set(own)].map((name) => this.cluster.names.stream(name));
  }

  /**
   * Reads back from the end of a stream, message by message: the process may do that with every stream it uses.
   *
   * @param sharedBy Number of streams that share the limits of bytes.
   */
  async #lastOf(stream: string, type: string | undefined, limit: number, sharedBy: number): Promise<RecentEvent[]> {
    const { nc, jsm, names } = this.cluster, { state } = await jsm.streams.info(stream), found: RecentEvent[] = [];
    const first = Math.max(state.first_seq, state.last_seq - MAX_REACH + 1);
    let last = state.last_seq, bytes = 0, largest = state.bytes / Math.max(1, state.messages);
    while (last >= first && found.length < limit && bytes < MAX_BYTES / sharedBy) {
      const count = Math.max(1, Math.min(AT_ONCE, last - first + 1, Math.floor(BYTES_AT_ONCE / sharedBy / largest)));
      const sequences = Array.from({ length: count }, (_, at) => last - at);
      for (const message of await Promise.all(sequences.map((seq) => readStoredEvent(nc, stream, { seq })))) {
        if (!message) continue;
        bytes += message.payload.length;
        largest = Math.max(largest, message.payload.length);
        const event = recentEvent(message, names.typeOf(message.subject, stream));
        if (type === undefined || covers(type, event.type)) found.push(event);
      }
      last -= count;
    }
    return found.slice(0, limit);
  }
}

function recentEvent({ stream, sequence, time, payload, ...message }: StoredEvent, type: string): RecentEvent {
  const id = idOf(message);
  return { stream, sequence, time, type, ...(id && { id }), bytes: payload.length, preview: previewOf(payload) };
}

/** Returns the id of an event, as its headers name it. */
function idOf({ headers }: Pick<StoredEvent, "headers">): string | undefined {
  const find = (name: string) => Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  return decodeAttribute(find("ce-id") ?? "") || find("nats-msg-id");
}
