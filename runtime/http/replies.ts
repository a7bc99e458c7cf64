import type { EventDefinition } from "../api/define_event.ts";
import type { OutgoingEvent, WeirEvent } from "../core/event.ts";
import type { Clock } from "../engine/clock.ts";
import type { ReplyKey, ReplySource } from "../engine/reply_source.ts";
import { accepted } from "./publish_response.ts";

/** Longest time that a request waits, in seconds. Proxies end requests that take a minute. */
const MAX_WAIT_S = 30;
/** Requests that wait at once: half of those that may be pending. Further ones are answered without waiting. */
const MAX_WAITING = 500;

/** Holds the answer to requests with `Prefer: wait` (RFC 7240) until the event that replies to theirs arrives. */
export class Replies {
  readonly #waiting = new Set<PendingReply>();
  #isStopped = false;

  constructor(
    readonly events: ReadonlyMap<string, EventDefinition>,
    readonly source: ReplySource,
    readonly clock: Clock,
  ) {}

  /**
   * Begins to listen for the reply to an event, before that is published. Undefined if the request does not ask for it,
   * or the event has no replies.
   */
  begin(event: OutgoingEvent, { headers, signal }: Request): PendingReply | undefined {
    const preference = headers.get("prefer"), waitS = preference === null ? 0 : preferredWait(preference);
    if (waitS === 0 || this.#isStopped || this.#waiting.size >= MAX_WAITING) return undefined;
    const key = this.#keyOf(event);
    if (!key) return undefined;
    const pending = new PendingReply(this.source, key, waitS, this.clock, signal, () => this.#waiting.delete(pending));
    this.#waiting.add(pending);
    return pending;
  }

  /** Ends all waiting: those requests are answered with what is known of them. */
  stop(): void {
    this.#isStopped = true;
    for (const pending of this.#waiting) pending.end();
  }

  #keyOf({ type, json }: OutgoingEvent): ReplyKey | undefined {
    const reply = this.events.get(type)?.ingress?.reply;
    if (!reply || json === "") return undefined;
    const value = (JSON.parse(json) as Record<string, unknown> | null)?.[reply.by];
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    return { types: reply.events.map(({ type }) => type), field: reply.by, value };
  }
}

/** A request whose reply has not arrived yet. */
export class PendingReply {
  readonly #replied = Promise.withResolvers<WeirEvent | undefined>();
  readonly #stop: () => void;

  constructor(
    source: ReplySource,
    key: ReplyKey,
    readonly waitS: number,
    clock: Clock,
    signal: AbortSignal,
    onEnd: () => void,
  ) {
    const end = () => this.end(), stopListening = source.listen(key, (event) => this.#replied.resolve(event));
    const stopTimer = clock.timer(waitS * 1_000, end);
    signal.addEventListener("abort", end);
    this.#stop = () => {
      stopListening();
      stopTimer();
      signal.removeEventListener("abort", end);
      onEnd();
    };
  }

  /**
   * Returns the response once the reply is there or the time is over: 200 with the reply, or 202 without.
   *
   * @param stored Result of the stored event, as JSON.
   */
  async respond(stored: string): Promise<Response> {
    const reply = await this.#replied.promise;
    const response = reply ? answered(stored, reply) : accepted(stored);
    response.headers.set("preference-applied", `wait=${this.waitS}`);
    return response;
  }

  end(): void {
    this.#replied.resolve(undefined);
    this.#stop();
  }
}

function answered(stored: string, { id, source, type, time, data }: WeirEvent): Response {
  const reply = { specversion: "1.0", id, source, type, time, data };
  return new Response(`${stored.slice(0, -1)},"reply":${JSON.stringify(reply)}}`, {
    headers: { "content-type": "application/json" },
  });
}

/** Returns the seconds of `wait=` in a `Prefer` header, up to {@linkcode MAX_WAIT_S}; 0 without. */
function preferredWait(header: string): number {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(header)?.[1];
  return Math.min(MAX_WAIT_S, Number(seconds ?? 0));
}
