import { type Context, Hono } from "hono";
import { type EventDefinition, parserOf } from "../authoring/define_event.ts";
import type { Clock, Publisher } from "../flow/ports.ts";
import type { Issue } from "../rules/decode.ts";
import type { ApiKeys, Caller } from "./api_keys.ts";
import { type BodyPlace, BodyRoom } from "./body_room.ts";
import { settleLines } from "./bulk.ts";
import { type Health, healthRoutes } from "./health.ts";
import { type IncomingEvent, isNdjson, readEnvelopes, readLine, readTyped } from "./incoming.ts";
import { Problem } from "./problem.ts";
import { metered, type RequestMeter } from "./request_meter.ts";
import { traced } from "./server_span.ts";
import { settleInWindow } from "./window.ts";

/** What the ingress stands on. */
export interface IngressOptions {
  readonly events: ReadonlyMap<string, EventDefinition>;
  readonly publisher: Publisher;
  readonly keys: ApiKeys;
  readonly health: Health;
  readonly meter?: RequestMeter;
  /** For spans of time. */
  readonly clock: Clock;
  /** The largest body taken, in bytes. */
  readonly maxBytes: number;
  /** The most of bodies that is held at once, in bytes; a fixed amount unless given. */
  readonly roomBytes?: number;
  /** Why nothing can be stored at this moment; undefined as long as one may try. */
  readonly outage: () => Error | undefined;
  /** Turns a failure to store into a problem; undefined for an error that is none of the publisher's. */
  readonly storeProblem: (error: unknown) => Problem | undefined;
  readonly logError: (message: string, error: unknown) => void;
}

/** How many requests are worked on at once; beyond it they are turned away while that is still cheap. */
export const MAX_IN_FLIGHT = 1_000;

/** The public HTTP interface: validates events and publishes them. */
export function ingress(options: IngressOptions): Hono {
  const app = new Hono();
  const room = new BodyRoom(options.maxBytes, options.clock, options.roomBytes);
  let inFlight = 0;
  if (options.meter) app.use(metered(options.meter));

  const post = (route: string, handle: (c: Context, place: BodyPlace) => Promise<Response>) => {
    const named = route.replace(/:(\w+)/g, "{$1}");
    app.post(route, (c) =>
      traced(c.req.raw, named, async () => {
        if (inFlight >= MAX_IN_FLIGHT) throw tooMany();
        inFlight++;
        const place = room.enter();
        try {
          return await handle(c, place);
        } catch (error) {
          return respond(error);
        } finally {
          place.leave();
          inFlight--;
        }
      }));
    app.all(route, (c) => {
      const detail = `${c.req.method} is not for ${c.req.path}: POST an event there`;
      return new Problem(405, "Method Not Allowed", detail, { headers: { allow: "POST" } }).toResponse();
    });
  };

  const problemOf = (error: unknown): Problem => {
    const problem = error instanceof Problem ? error : options.storeProblem(error);
    if (problem) return problem;
    options.logError("the ingress failed", error);
    return new Problem(500, "Internal Server Error", "the event was not published; the log says why");
  };
  const failure = (error: unknown) => {
    const { status, title, detail } = problemOf(error);
    return { status, title, detail };
  };
  const respond = (error: unknown): Response => problemOf(error).toResponse();

  /** Who calls. While nothing can be stored no body is read: it would only be held until that is answered. */
  const admit = (request: Request): Caller => {
    const caller = options.keys.authenticate(request);
    const outage = options.outage();
    if (outage) throw outage;
    return caller;
  };

  const publishTyped = async (c: Context, place: BodyPlace, type: string) => {
    const caller = admit(c.req.raw);
    const event = acceptable(options.events, caller, type);
    const incoming = await readTyped(c.req.raw, type, place);
    validate(event, incoming);
    return Response.json(await publish(options, caller, event, incoming), { status: 202 });
  };

  const publishLines = (request: Request, place: BodyPlace, caller: Caller) =>
    settleLines(request, place, {
      publish: async (line, index) => {
        const incoming = readLine(line, request, index);
        const event = acceptable(options.events, caller, incoming.type);
        validate(event, incoming);
        return await publish(options, caller, event, incoming);
      },
      problemOf,
      untried: UNTRIED,
    });

  app.route("/", healthRoutes(options.health));
  post("/events/:type", (c, place) => publishTyped(c, place, c.req.param("type")!));
  for (const { type, ingress: open } of options.events.values()) {
    if (open?.route) post(open.route, (c, place) => publishTyped(c, place, type));
  }
  post("/events", async (c, place) => {
    const caller = admit(c.req.raw);
    if (isNdjson(c.req.raw)) return await publishLines(c.req.raw, place, caller);
    const { many, events } = await readEnvelopes(c.req.raw, place);
    const checked = events.map((incoming, i) => {
      try {
        const event = acceptable(options.events, caller, incoming.type);
        validate(event, incoming);
        return { event, incoming };
      } catch (error) {
        if (!many || !(error instanceof Problem)) throw error;
        throw new Problem(
          error.status,
          error.title,
          `event ${i}: ${error.detail}; nothing was published`,
          error.more,
        );
      }
    });
    // Once one cannot be stored the rest is not tried: each would wait as long, and it is all to be sent again.
    const settled = await settleInWindow(
      checked,
      ({ event, incoming }) => publish(options, caller, event, incoming),
      (error) => options.storeProblem(error)?.status === 503,
      UNTRIED,
    );
    const failed = settled.find((result) => result.status === "rejected");
    if (!many && failed) throw failed.reason;
    const results = settled.map((result) => result.status === "fulfilled" ? result.value : failure(result.reason));
    if (!failed) return Response.json(many ? results : results[0], { status: 202 });
    const { status, title, more } = problemOf(failed.reason);
    const stored = settled.filter((result) => result.status === "fulfilled").length;
    const detail = `${stored} of ${settled.length} events were stored: \`results\` says which`;
    throw new Problem(status, title, detail, { ...more, members: { results } });
  });
  app.notFound((c) => new Problem(404, "Not Found", `nothing is at ${c.req.path}`).toResponse());
  app.onError(respond);
  return app;
}

const UNTRIED = new Problem(
  503,
  "Service Unavailable",
  "it was not tried, since another of the events could not be stored",
);

/** The event a type names. @throws {Problem} 404 or 403 when this caller cannot publish it. */
function acceptable(
  events: ReadonlyMap<string, EventDefinition>,
  caller: Caller,
  type: string,
): EventDefinition {
  const event = events.get(type);
  if (!event?.ingress) {
    throw new Problem(
      404,
      "Unknown event type",
      `no event ${JSON.stringify(type)} can be published from outside`,
    );
  }
  if (!caller.mayPublish(type)) {
    throw new Problem(403, "Forbidden", `API key ${caller.name} may not publish ${JSON.stringify(type)}`);
  }
  return event;
}

function validate(event: EventDefinition, incoming: IncomingEvent): void {
  if (incoming.data === undefined) throw new Problem(400, "Malformed request", "the event has no data");
  const parsed = parserOf(event)(incoming.data);
  if (!parsed.ok) throw invalid(event.type, parsed.issues);
}

/** Publishes an event whose data is known to be valid. */
async function publish(
  options: IngressOptions,
  caller: Caller,
  event: EventDefinition,
  incoming: IncomingEvent,
) {
  const id = incoming.id ?? crypto.randomUUID();
  const stored = await options.publisher.publish({
    id,
    type: event.type,
    source: incoming.source ?? (caller.name === undefined ? "/ingress" : `/ingress/${caller.name}`),
    time: incoming.time ?? timeNow(),
    json: JSON.stringify(incoming.data),
    extensions: incoming.extensions,
  });
  return {
    id,
    type: event.type,
    stream: stored.stream,
    sequence: stored.sequence,
    duplicate: stored.duplicate,
  };
}

let lastMs = 0, lastTime = "";

/** The time on the wall, as text. Events come by the dozen in a millisecond, and share it. */
function timeNow(): string {
  const nowMs = Date.now();
  if (nowMs !== lastMs) {
    lastMs = nowMs;
    lastTime = new Date(nowMs).toISOString();
  }
  return lastTime;
}

function invalid(type: string, issues: readonly Issue[]): Problem {
  return new Problem(400, "Invalid event data", `the data does not match the schema of ${type}`, {
    members: { errors: issues },
  });
}

function tooMany(): Problem {
  const detail = `${MAX_IN_FLIGHT} requests are under way: try again in a second`;
  return new Problem(429, "Too Many Requests", detail, { headers: { "retry-after": "1" } });
}
