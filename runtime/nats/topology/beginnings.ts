import type { JetStreamManager, MsgRequest, StreamInfo } from "@nats-io/jetstream";
import { serverTime } from "../client/server_time.ts";
import type { Durable } from "./resources.ts";

/**
 * The position at which a function began on a stream. `created` identifies the stream: one that is created again counts
 * its sequences anew.
 */
interface BegunAt {
  readonly sequence: number;
  /** Undefined if the stream did not exist. */
  readonly created: string | undefined;
}

/** The positions at which a function began, by stream. */
export type Beginnings = ReadonlyMap<string, BegunAt>;

/** Key in the metadata of a function's consumer on RETRIES, which outlives the function's other consumers. */
const KEY = "weir-begun";

/**
 * Returns the sequence after which to begin a consumer that does not exist, and whose ack floor this process does not
 * know.
 *
 * Invariant: the option `from` skips events only the first time. If the function has begun on this stream before, its
 * consumer was lost while events may have waited there.
 *
 * @param metadata Metadata of the function's consumer on RETRIES. Default: that consumer does not exist.
 */
export async function firstBeginning(
  jsm: Pick<JetStreamManager, "streams">,
  { from, stream: name }: Durable,
  stream: StreamInfo,
  metadata: Readonly<Record<string, string>> | undefined,
): Promise<number> {
  const before = readBeginnings(metadata).get(name);
  if (before) return before.created === stream.created ? before.sequence - 1 : 0;
  if (from === undefined) return 0;
  if (from === "new") return stream.state.last_seq;
  const start_time = new Date(serverTime(stream) - from.sinceMs).toISOString();
  // The server takes both fields, and the client's type does not.
  const first = await jsm.streams.getMessage(name, { start_time, next_by_subj: ">" } as unknown as MsgRequest);
  return first ? first.seq - 1 : stream.state.last_seq;
}

/** Returns metadata with these beginnings added. A beginning that is already in the metadata stays. */
export function metadataWith(
  metadata: Readonly<Record<string, string>> = {},
  beginnings: Beginnings,
): Record<string, string> {
  const all = new Map([...beginnings, ...readBeginnings(metadata)]);
  const written = [...all].map(([stream, { sequence, created }]) => [stream, sequence, created ?? "-"].join(" "));
  return { ...metadata, [KEY]: written.join(", ") };
}

function readBeginnings(metadata: Readonly<Record<string, string>> = {}): Beginnings {
  const written = (metadata[KEY] ?? "").split(", ").filter((text) => text !== "");
  return new Map(written.map((text) => {
    const [stream, sequence, created] = text.split(" ");
    return [stream, { sequence: Number(sequence), created }];
  }));
}
