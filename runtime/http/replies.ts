import type { EventDefinition } from "../api/define_event.ts";
import type { OutgoingEvent, WeirEvent } from "../core/event.ts";
import type { Clock } from "../engine/clock.ts";
import type { ReplyKey, ReplySource } from "../engine/reply_source.ts";
import { accepted } from "./publish_response.ts";
import { preferredWait, WaitingRequests } from "./waiting_requests.ts";

/** Longest time that a request waits, in seconds. Proxies end requests that take a minute. */
const MAX_WAIT_S = 30;
/** Requests that wait at once: half of those that may be pending. Further ones are answered without waiting. */
const MAX_WAITING = 500;

/** Holds the answer to requests with `Prefer: wait` (RFC 7240) until the event that replies to theirs arrives. */
export class Replies {
  readonly #waiting: WaitingRequests;

  constructor(
    readonly events: ReadonlyMap<string, EventDefinition>,
    readonly source: ReplySource,
    clock: Clock,
  ) {
    this.#waiting = new WaitingRequests(MAX_WAITING, clock);
  }

  /**
   * Begins to listen for the reply to an event, before that is published. Undefined if the request does not ask for it,
   * or the event has no replies.
   */
  begin(event: OutgoingEvent, request: Request): PendingReply | undefined {
    const waitS = preferredWait(request, MAX_WAIT_S) ?? 0;
    if (waitS === 0 || !this.#waiting.hasRoom) return undefined;
    const key = this.#keyOf(event);
    return key && new PendingReply(this.source, key, waitS, this.#waiting);
  }

  /** Ends all waiting: those requests are answered with what is known of them. */
  stop(): void {
    this.#waiting.stop();
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
  readonly end: () => void;

  constructor(
    source: ReplySource,
    key: ReplyKey,
    readonly waitS: number,
    waiting: WaitingRequests,
  ) {
    const { resolve } = this.#replied, stopListening = source.listen(key, resolve);
    this.end = waiting.begin(waitS, () => {
      resolve(undefined);
      stopListening();
    });
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
}

function answered(stored: string, { id, source, type, time, data }: WeirEvent): Response {
  const reply = { specversion: "1.0", id, source, type, time, data };
  return new Response(`${stored.slice(0, -1)},"reply":${JSON.stringify(reply)}}`, {
    headers: { "content-type": "application/json" },
  });
}
