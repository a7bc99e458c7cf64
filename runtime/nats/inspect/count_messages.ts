import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { subjectOn } from "../client/subject_prefixes.ts";

/** Timeout of one request in milliseconds. */
const REQUEST_MS = 2_000;

export interface Counted {
  readonly stream: string;
  /** A subject or a pattern. */
  readonly subject: string;
  /** Sequence of the first message to count. Default: 1. */
  readonly from?: number;
  /** Counts only messages stored since then, in milliseconds since 1970. Default: all. */
  readonly sinceMs?: number;
}

/**
 * Returns the number of messages that a stream holds. The server counts them in the response to a direct read of the
 * first. Stream info by subject would transfer every subject instead.
 *
 * @throws {Error} when the stream allows no direct reads, or does not respond.
 */
export async function countMessages(
  nc: Pick<NatsConnection, "request">,
  { stream, subject, from = 1, sinceMs }: Counted,
): Promise<number> {
  const start = sinceMs === undefined ? { seq: from } : { start_time: new Date(sinceMs).toISOString() };
  const read = JSON.stringify({ ...start, next_by_subj: subject, batch: 1 });
  const { headers } = await nc.request(subjectOn(nc, `$JS.API.DIRECT.GET.${stream}`), read, {
    timeout: REQUEST_MS,
  });
  if (headers?.code === 404) return 0;
  const following = headers?.get("Nats-Num-Pending") ?? "";
  if (following === "") {
    throw new Error(`${stream} returned no message count: ${headers?.code} ${headers?.description}`);
  }
  return Number(following) + 1;
}

/** Counts the messages of each function under a subject filter, and caches the counts until the stream changes. */
export class SubjectCounts {
  #state: string | undefined;
  #countedAtMs = -Infinity;
  #counts: ReadonlyMap<string, number> = new Map();

  constructor(
    readonly nc: Pick<NatsConnection, "request">,
    readonly jsm: JetStreamManager,
    readonly stream: string,
    readonly filterOf: (functionName: string) => string,
  ) {}

  /**
   * Returns the count of each function.
   *
   * @param everyMs Milliseconds for which counts are not taken again, even if the stream has changed. Default: 0.
   * @throws {Error} when the stream does not respond.
   */
  async of(functionNames: readonly string[], everyMs = 0): Promise<ReadonlyMap<string, number>> {
    if (performance.now() - this.#countedAtMs < everyMs) return this.#counts;
    const { messages, last_seq } = (await this.jsm.streams.info(this.stream)).state;
    const state = `${messages} of ${last_seq}`;
    if (state === this.#state) return this.#counts;
    const counts = new Map<string, number>();
    for (const name of functionNames) counts.set(name, messages === 0 ? 0 : await this.#count(name));
    this.#counts = counts;
    this.#countedAtMs = performance.now();
    this.#state = state;
    return counts;
  }

  #count(functionName: string): Promise<number> {
    return countMessages(this.nc, { stream: this.stream, subject: this.filterOf(functionName) });
  }
}
