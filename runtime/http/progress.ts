import type { ServerClock } from "../engine/clock.ts";
import type { FollowedEvent, ProgressSource, ProgressStep } from "../engine/progress_source.ts";
import { authenticate, type Authenticators } from "./authenticate.ts";
import type { Caller } from "./caller.ts";
import { EVENT_STREAM_HEADERS, EventStream } from "./event_stream.ts";
import type { Events } from "./prepare_event.ts";
import { malformed, Problem } from "./problem.ts";
import type { Route } from "./router.ts";
import { SharedRoom } from "./shared_room.ts";
import { preferredWait, WaitingRequests } from "./waiting_requests.ts";

/** Longest time that a request follows an event, in seconds. A caller may then ask again. */
const MAX_FOLLOW_S = 300;
/** Events that are followed at once: as many as one request to the processes of the project names. */
export const MAX_FOLLOWED = 100;
/** Ends the id of the last server-sent event. A browser that connects again with it has all. */
const DONE = ":done";

/** How a caller reads: a comment keeps the connection, and its few small events are all read or the stream ends. */
const CALLER = {
  heartbeat: { everyMs: 15_000, text: ":\n\n" },
  unread: { bytes: 65_536, then: "end" },
} as const;

export interface ProgressOptions extends Authenticators {
  readonly events: Events;
  readonly source: ProgressSource;
  readonly clock: ServerClock;
}

/** Answers what becomes of a stored event, as server-sent events, until all of its functions are done with it. */
export class Progress {
  readonly #waiting: WaitingRequests;
  readonly #room: SharedRoom;

  constructor(readonly options: ProgressOptions) {
    this.#waiting = new WaitingRequests(MAX_FOLLOWED, options.clock);
    this.#room = new SharedRoom(MAX_FOLLOWED, options.keys.callers + (options.tokens ? 1 : 0));
  }

  routes(): Route[] {
    return [{
      method: "GET",
      path: "/events/:id/progress",
      handle: async (request, { id }) => {
        const caller = await authenticate(this.options, request), { limit } = caller;
        limit?.take(this.options.clock.now());
        const response = await this.#answer(request, id, caller);
        for (const [name, value] of Object.entries(limit?.headers() ?? {})) response.headers.set(name, value);
        return response;
      },
    }];
  }

  /** Ends all responses. */
  stop(): void {
    this.#waiting.stop();
  }

  async #answer(request: Request, id: string, caller: Caller): Promise<Response> {
    const known = request.headers.get("last-event-id") ?? "";
    if (known.endsWith(DONE)) return new Response(null, { status: 204 }); // a browser then stops asking
    const event = await this.#find(id, request.url, known, caller);
    if (request.method === "HEAD") return new Response(null, { headers: EVENT_STREAM_HEADERS });
    if (!this.#waiting.hasRoom || !this.#room.hasRoom(caller.room, 1)) {
      const detail = `${MAX_FOLLOWED} events are being followed: try again in a few seconds`;
      throw new Problem("too-many-requests", detail, { headers: { "retry-after": "5" } });
    }
    return this.#follow(event, request, caller);
  }

  #follow(event: FollowedEvent, request: Request, { room }: Caller): Response {
    const { source, clock } = this.options, { id, type, stream, sequence } = event, place = `${stream}:${sequence}`;
    const functions: Record<string, string> = Object.fromEntries(
      source.functionsOf(event).map((name) => [name, "pending"]),
    );
    const left = new Set(Object.keys(functions));
    this.#room.take(room, 1);
    const events = new EventStream({ ...CALLER, clock, onClose: () => end() });
    const limitS = preferredWait(request, MAX_FOLLOW_S) ?? MAX_FOLLOW_S;
    let stopFollowing = () => {};
    const end = this.#waiting.begin(limitS, () => {
      this.#room.take(room, -1);
      stopFollowing();
      if (left.size > 0) events.send("pending", { functions });
      else events.send("done", { functions }, place + DONE);
      events.close();
    });
    events.send("stored", { id, type, stream, sequence, time: new Date(event.storedAtMs).toISOString() }, place);
    const onStep = ({ isLast, ...step }: ProgressStep) => {
      events.send("attempt", step);
      if (!isLast) return;
      functions[step.function] = step.outcome;
      left.delete(step.function);
      if (left.size === 0) end();
    };
    if (left.size === 0) end();
    else stopFollowing = source.follow(event, onStep);
    return events.response;
  }

  /** @throws {Problem} 404 unless the event is the caller's own, and its progress may be followed */
  async #find(id: string, url: string, known: string, caller: Caller): Promise<FollowedEvent> {
    const { source } = this.options, query = new URL(url).searchParams;
    const unknown = [...query.keys()].find((name) => !["stream", "sequence", "source"].includes(name));
    if (unknown !== undefined) throw malformed(`the query has ${unknown}: it may have stream, sequence and source`);
    const [, lastStream, lastSequence] = /^([\w-]+):([1-9]\d{0,15})$/.exec(known) ?? [];
    const stream = query.get("stream") ?? lastStream, sequence = query.get("sequence") ?? lastSequence;
    if ((stream === undefined) !== (sequence === undefined) || !/^[1-9]\d{0,15}$/.test(sequence ?? "1")) {
      throw malformed("the query needs both stream and sequence, as the response to the event has them, or neither");
    }
    const own = caller.name === undefined ? "/ingress" : `/ingress/${caller.name}`;
    const found = stream === undefined
      ? await source.find(id, query.get("source") ?? own)
      : [await source.read(stream, Number(sequence))];
    const event = found.find((one) => one?.id === id && this.#maySee(one, caller));
    if (event) return event;
    const detail = `no event ${JSON.stringify(id)} of yours has been stored lately, or its progress is not public: ` +
      "its defineEvent needs `ingress: { progress: true }`. Of an earlier event give stream and sequence";
    throw new Problem("unknown-event", detail);
  }

  #maySee({ type, extensions }: FollowedEvent, { identity, mayPublish }: Caller): boolean {
    if (!this.options.events.get(type)?.ingress?.progress || !mayPublish(type)) return false;
    return !identity || identity.authtype === extensions.authtype && identity.authid === extensions.authid;
  }
}
