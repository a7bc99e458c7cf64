import { type Context, context } from "@opentelemetry/api";
import { type Context as HonoContext, Hono } from "hono";
import type { EventDefinition } from "../api/define_event.ts";
import type { Clock } from "../engine/clock.ts";
import type { Publisher } from "../engine/publisher.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { ApiKeys, Caller } from "./api_keys.ts";
import { MemoryBudget, type Reservation } from "./memory_budget.ts";
import { BatchSpan } from "./batch_span.ts";
import { failureOf, settleLines } from "./ndjson.ts";
import { type Health, healthRoutes } from "./health.ts";
import { idempotencyKey, isNdjson, readEnvelopes, readLine, readTyped } from "./parse_events.ts";
import { Problem } from "./problem.ts";
import { acceptable, outgoing, resultOf, validate } from "./prepare_event.ts";
import { metered, type RequestMeter } from "./request_meter.ts";
import { pathOf, ServerSpan } from "./server_span.ts";
import { mapConcurrent } from "./map_concurrent.ts";

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

/** Answers a request. @param within its span */
type Answer = (request: Request, place: Reservation, within: Context) => Promise<Response>;

/** The public HTTP interface: validates events and publishes them. */
export function ingress(options: IngressOptions): Hono {
  const app = new Hono();
  const room = new MemoryBudget(options.maxBytes, options.clock, options.roomBytes);
  const { publisher, meter } = options;
  let inFlight = 0;
  if (meter) app.use(metered(meter));

  const problemOf = (error: unknown): Problem => {
    const problem = error instanceof Problem ? error : options.storeProblem(error);
    if (problem) return problem;
    options.logError("the ingress failed", error);
    return new Problem(500, "Internal Server Error", "the event was not published; the log says why");
  };
  /** What is logged of an error belongs to the request. */
  const problemIn = (within: Context) => (error: unknown) => context.with(within, () => problemOf(error));
  const respond = (error: unknown): Response => problemOf(error).toResponse();

  /** @param meter is told of it; undefined where somebody else tells it */
  const answered = async (
    request: Request,
    route: string,
    answer: Answer,
    meter?: RequestMeter,
  ): Promise<Response> => {
    const fromMs = meter && performance.now();
    meter?.began();
    const span = new ServerSpan(request, route), place = room.enter();
    let response: Response | undefined;
    inFlight++;
    try {
      if (inFlight > MAX_IN_FLIGHT) throw tooMany();
      return response = await answer(request, place, span.within);
    } catch (error) {
      return response = problemIn(span.within)(error).toResponse();
    } finally {
      place.leave();
      inFlight--;
      const status = response?.status ?? 500;
      span.end(status);
      meter?.ended("POST", route, status, (performance.now() - fromMs!) / 1_000);
    }
  };

  /** Answers of whole paths, which need no router. */
  const direct = new Map<string, (request: Request) => Promise<Response>>();
  const postAt = (path: string, route: string, answer: Answer) =>
    direct.set(path, (request) => answered(request, route, answer, meter));
  const post = (route: string, answer: (c: HonoContext) => Answer) => {
    const named = route.replace(/:(\w+)/g, "{$1}");
    app.post(route, (c) => answered(c.req.raw, named, answer(c)));
    app.all(route, (c) => {
      const detail = `${c.req.method} is not for ${c.req.path}: POST an event there`;
      return new Problem(405, "Method Not Allowed", detail, { headers: { allow: "POST" } }).toResponse();
    });
  };

  /** Who calls. While nothing can be stored no body is read: it would only be held until that is answered. */
  const admit = (request: Request): Caller => {
    const caller = options.keys.authenticate(request);
    const outage = options.outage();
    if (outage) throw outage;
    return caller;
  };

  const ofType = (type: string): Answer => async (request, place, within) => {
    const caller = admit(request);
    const event = acceptable(options.events, caller, type);
    const incoming = await readTyped(request, type, place);
    validate(event, incoming);
    return accepted(await publishOne(outgoing(caller, incoming), within));
  };

  /** Publishes an event whose data is known to be valid, and gives its result as JSON text. */
  const publishOne = (event: OutgoingEvent, parent: Context) =>
    new Promise<string>((resolve, failed) =>
      publisher.publish(event, { stored: (stored) => resolve(resultOf(event, stored)), failed }, { parent })
    );

  const publishLines = (request: Request, place: Reservation, caller: Caller, within: Context) => {
    const key = idempotencyKey(request);
    return settleLines(request, place, within, {
      read: (line, index, span) => {
        const incoming = readLine(line, key, index);
        validate(acceptable(options.events, caller, incoming.type), incoming);
        return outgoing(caller, incoming, span);
      },
      publisher,
      resultOf,
      problemOf: problemIn(within),
      untried: UNTRIED,
    });
  };

  const ofAnyType: Answer = async (request, place, within) => {
    const caller = admit(request);
    if (isNdjson(request)) return await publishLines(request, place, caller, within);
    const { many, events } = await readEnvelopes(request, place);
    const checked = events.map((incoming, i) => {
      try {
        validate(acceptable(options.events, caller, incoming.type), incoming);
        return outgoing(caller, incoming);
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
    if (!many) return accepted(await publishOne(checked[0], within));
    const span = new BatchSpan(within);
    // Once one cannot be stored the rest is not tried: each would wait as long, and it is all to be sent again.
    const settled = await mapConcurrent(
      checked,
      (event) => publishOne({ ...event, trace: span.add(event.type) }, within),
      (error) => {
        span.failed(error);
        return options.storeProblem(error)?.status === 503;
      },
      UNTRIED,
    );
    span.end();
    const failed = settled.find((result) => result.status === "rejected");
    const results = `[${
      settled.map((result) =>
        result.status === "fulfilled" ? result.value : failureOf(problemIn(within)(result.reason))
      )
    }]`;
    if (!failed) return accepted(results);
    const { status, title, more } = problemIn(within)(failed.reason);
    const stored = settled.filter((result) => result.status === "fulfilled").length;
    const detail = `${stored} of ${settled.length} events were stored: \`results\` says which`;
    return new Problem(status, title, detail, more).toResponse(results);
  };

  app.route("/", healthRoutes(options.health));
  post("/events/:type", (c) => ofType(c.req.param("type")!));
  post("/events", () => ofAnyType);
  postAt("/events", "/events", ofAnyType);
  for (const { type, ingress: open } of options.events.values()) {
    if (open) postAt(`/events/${type}`, "/events/{type}", ofType(type));
    if (!open?.route) continue;
    post(open.route, () => ofType(type));
    if (/^[\w/.-]+$/.test(open.route)) postAt(open.route, open.route, ofType(type));
  }
  app.notFound((c) => new Problem(404, "Not Found", `nothing is at ${c.req.path}`).toResponse());
  app.onError(respond);
  const routed = app.fetch;
  app.fetch = (request, ...more) => {
    const answer = request.method === "POST" ? direct.get(pathOf(request.url)) : undefined;
    return answer ? answer(request) : routed(request, ...more);
  };
  return app;
}

/** 202 with a result, or several, as JSON text. */
function accepted(results: string): Response {
  return new Response(results, ACCEPTED);
}

const ACCEPTED = { status: 202, headers: { "content-type": "application/json" } };

const UNTRIED = new Problem(
  503,
  "Service Unavailable",
  "it was not tried, since another of the events could not be stored",
);

function tooMany(): Problem {
  const detail = `${MAX_IN_FLIGHT} requests are under way: try again in a second`;
  return new Problem(429, "Too Many Requests", detail, { headers: { "retry-after": "1" } });
}
