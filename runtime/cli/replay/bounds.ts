import { type ConsumerInfo, RetentionPolicy } from "@nats-io/jetstream";
import type { Cluster } from "../../app/cluster.ts";
import { serverTime } from "../../nats/client/server_time.ts";
import type { HistoryRange } from "../../nats/replay/history.ts";
import { filtersOf } from "../../nats/topology/plan_consumer.ts";
import { CommandFailure, usageError } from "../terminal/exit_codes.ts";

/** A bound of a replay: a position, a time in milliseconds since 1970, or a time ago in milliseconds. */
export type Bound = { readonly sequence: number } | { readonly timeMs: number } | { readonly agoMs: number };

/** Options that bound a replay. */
export interface Bounds {
  readonly since?: Bound;
  readonly from?: number;
  readonly until?: Bound;
  readonly stream?: string;
}

/**
 * Returns the parts of a function's streams that a replay reads. They hold the events that match the function's
 * triggers and were delivered to it. Later events will be delivered anyway.
 *
 * @param consumers The consumers of the function, the one on RETRIES first.
 * @throws {CommandFailure} if the bounds fit no stream, or if a stream keeps no handled events.
 */
export async function rangesOf(
  { jsm, names: { retries } }: Pick<Cluster, "jsm" | "names">,
  consumers: readonly ConsumerInfo[],
  { since, from, until, stream }: Bounds,
): Promise<HistoryRange[]> {
  const own = consumers.filter(({ stream_name }) => stream_name !== retries.stream);
  const names = own.map(({ stream_name }) => stream_name);
  if (stream !== undefined && !names.includes(stream)) {
    throw usageError(`the function has no consumer on ${stream}; it has on ${names.join(", ")}`);
  }
  const chosen = stream === undefined ? own : own.filter(({ stream_name }) => stream_name === stream);
  const bySequence = from !== undefined || until && "sequence" in until;
  if (bySequence && chosen.length > 1) {
    throw usageError(`a sequence of which stream? Say --stream ${names.join(" or ")}`);
  }
  return await Promise.all(chosen.map(async ({ stream_name, delivered, config }) => {
    const info = await jsm.streams.info(stream_name), nowMs = serverTime(info), { retention } = info.config;
    if (retention !== RetentionPolicy.Limits) {
      throw new CommandFailure(`the stream ${stream_name} keeps no handled events: its retention is ${retention}`);
    }
    const last = Math.min(info.state.last_seq, delivered.stream_seq);
    const untilMs = until && !("sequence" in until) ? timeOf(until, nowMs) : undefined;
    return {
      stream: stream_name,
      filters: filtersOf(config),
      from: from === undefined ? { timeMs: timeOf(since!, nowMs) } : { sequence: from },
      until: until && "sequence" in until ? Math.min(last, until.sequence) : last,
      ...(untilMs !== undefined && { untilMs }),
    };
  }));
}

/** Returns the sequences and times that a stream holds, for a replay that found no event. */
export async function heldText({ jsm }: Pick<Cluster, "jsm">, stream: string): Promise<string> {
  const { messages, first_seq, last_seq, first_ts, last_ts } = (await jsm.streams.info(stream)).state;
  return messages === 0
    ? `${stream} holds no events`
    : `${stream} holds the sequences ${first_seq} to ${last_seq}, of ${first_ts} to ${last_ts}`;
}

function timeOf(bound: Bound, nowMs: number): number {
  if ("sequence" in bound) throw usageError("--since takes no sequence: use --from");
  return Math.max(0, "timeMs" in bound ? bound.timeMs : nowMs - bound.agoMs); // the server takes no year before 1
}
