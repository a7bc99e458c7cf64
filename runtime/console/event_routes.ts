import { decodeAttribute } from "../core/cloudevent.ts";
import { subjectProblem } from "../core/subjects.ts";
import { parseTraceparent } from "../core/traceparent.ts";
import { choiceOf, numberOf, queryOf } from "../http/admin/query.ts";
import { malformed, Problem } from "../http/problem.ts";
import { type Parameters, type Route, route } from "../http/router.ts";
import type { StoredEvent } from "../nats/inspect/read_message.ts";
import { eventStates } from "./event_states.ts";
import { streamRoute } from "./event_stream.ts";
import { openTail } from "./event_tail.ts";
import type { Journey, Journeys } from "./journeys.ts";
import type { ConsoleOptions } from "./options.ts";
import { payloadView } from "./payload_view.ts";
import { StoredEvents } from "./stored_events.ts";

const ONE = "/console/api/events/:stream/:sequence";
const OUTCOMES = ["published", "ack", "skipped", "retry", "dead-letter", "lease-expired"] as const;
/** Number of recent events without `limit`, and the greatest `limit`. */
const DEFAULT_RECENT = 50, MAX_RECENT = 200;
const NO_JOURNEY: Journey = { kept: false, spans: [], dropped: 0 };

/** Returns the routes of events: the live tail, the last ones, and all that is known of one. */
export function eventRoutes(options: ConsoleOptions, journeys: Journeys | undefined, stopping: AbortSignal): Route[] {
  const { names } = options.cluster, stored = new StoredEvents(options.registry, options.cluster);
  const find = async ({ stream, sequence }: Parameters) => {
    const event = await stored.read(stream, numberOf("the sequence", sequence));
    if (event) return event;
    throw new Problem("not-found", `${stream} has no event ${sequence}: it was removed, or has never been there`);
  };
  return [
    streamRoute("/console/api/events/tail", (request) => {
      const { type, function: fn, outcome, text } = queryOf(request, ["type", "function", "outcome", "text"]);
      return openTail(options, { ...selected({ type, outcome, text }), ...(fn && { function: fn }) }, stopping);
    }),
    route("GET", "/console/api/events/recent", async (request) => {
      const { type, limit } = queryOf(request, ["type", "limit"]);
      const count = limit === undefined ? DEFAULT_RECENT : Math.min(numberOf("limit", limit), MAX_RECENT);
      return Response.json(await stored.recent(typeOf(type), count));
    }),
    route("GET", "/console/api/events/find", async (request) => {
      const { type, id } = queryOf(request, ["type", "id"]);
      if (!type || !id) throw malformed("give the type and the id of the event");
      const found = await stored.find(typeOf(type)!, id);
      if (!found) throw new Problem("not-found", `no stored event of type ${type} has the id ${id}`);
      return Response.json({ stream: found.stream, sequence: found.sequence });
    }),
    route("GET", ONE, async (_, parameters) => {
      const event = await find(parameters), { stream, sequence } = event;
      const described = describe(event, names.typeOf(event.subject, stream));
      const functions = await eventStates(options, described);
      return Response.json({ ...described, functions, journey: journeys?.of(stream, sequence) ?? NO_JOURNEY });
    }),
    route("GET", `${ONE}/payload`, async (_, parameters) => {
      const { payload, stream, sequence } = await find(parameters);
      return new Response(payload as Uint8Array<ArrayBuffer>, {
        headers: {
          "content-type": "application/octet-stream",
          "content-disposition": `attachment; filename="${stream}-${sequence}"`,
        },
      });
    }),
  ];
}

function selected({ type, outcome, text }: Readonly<Record<"type" | "outcome" | "text", string | undefined>>) {
  return {
    ...(type && { type: typeOf(type) }),
    ...(outcome && { outcome: choiceOf("outcome", outcome, OUTCOMES) as typeof OUTCOMES[number] }),
    ...(text && { text }),
  };
}

/** @throws {Problem} 400 for a text that is neither a type nor a pattern of types. */
function typeOf(type: string | undefined): string | undefined {
  const problem = type ? subjectProblem(type) : undefined;
  if (problem) throw malformed(`type: ${JSON.stringify(type)} is not a subject pattern: ${problem}`);
  return type || undefined;
}

/** Returns an event with its attributes, its headers and its payload. */
function describe({ subject, stream, sequence, time, headers, payload }: StoredEvent, type: string) {
  const find = (name: string) => Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  const attribute = (name: string) => {
    const value = find(`ce-${name}`);
    return value === undefined ? undefined : decodeAttribute(value);
  };
  return {
    stream,
    sequence,
    subject,
    type: attribute("type") ?? type,
    id: attribute("id") ?? find("nats-msg-id") ?? `${stream}:${sequence}`,
    source: attribute("source"),
    time,
    traceId: parseTraceparent(find("traceparent"))?.traceId,
    headers: Object.entries(headers),
    ...payloadView(payload),
  };
}
