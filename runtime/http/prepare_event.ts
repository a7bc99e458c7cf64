import { type EventDefinition, parserOf } from "../api/define_event.ts";
import type { PublishResult } from "../engine/publisher.ts";
import type { OutgoingEvent } from "../core/event.ts";
import { didYouMean } from "../core/did_you_mean.ts";
import type { Issue } from "../core/cloudevent.ts";
import type { Caller } from "./api_keys.ts";
import type { BatchSpan } from "./batch_span.ts";
import type { IncomingEvent } from "./parse_events.ts";
import { Problem } from "./problem.ts";

/** The event a type names. @throws {Problem} 404 or 403 when this caller cannot publish it. */
export function acceptable(
  events: ReadonlyMap<string, EventDefinition>,
  caller: Caller,
  type: string,
): EventDefinition {
  const event = events.get(type);
  if (!event?.ingress) throw new Problem(404, "Unknown event type", notOpen(events, caller, type));
  if (!caller.mayPublish(type)) {
    throw new Problem(403, "Forbidden", `API key ${caller.name} may not publish ${JSON.stringify(type)}`);
  }
  return event;
}

/** Why it cannot be published, told only to who might publish it: others learn nothing of what there is. */
function notOpen(events: ReadonlyMap<string, EventDefinition>, caller: Caller, type: string): string {
  const name = JSON.stringify(type), closed = `no event ${name} can be published from outside`;
  if (events.has(type) && caller.mayPublish(type)) {
    return `${closed}: it is internal, until its defineEvent has \`ingress: {}\``;
  }
  const open = [...events.values()].filter((event) => event.ingress && caller.mayPublish(event.type));
  return closed + didYouMean(type, open.map((event) => event.type));
}

/** @throws {Problem} 400 when its data does not match its schema. */
export function validate(event: EventDefinition, incoming: IncomingEvent): void {
  if (incoming.data === undefined) throw new Problem(400, "Malformed request", "the event has no data");
  const parsed = parserOf(event)(incoming.data);
  if (!parsed.ok) throw invalid(event.type, parsed.issues);
}

/** What is to be published of an event whose data is known to be valid. @param span of all, where it is one of many */
export function outgoing(caller: Caller, incoming: IncomingEvent, span?: BatchSpan): OutgoingEvent {
  const event = {
    id: incoming.id ?? crypto.randomUUID(),
    type: incoming.type,
    source: incoming.source ?? (caller.name === undefined ? "/ingress" : `/ingress/${caller.name}`),
    time: incoming.time ?? timeNow(),
    json: JSON.stringify(incoming.data),
    extensions: incoming.extensions,
  };
  return span ? { ...event, trace: span.add(event.type) } : event;
}

/** What is answered of a stored event, as JSON text. */
export function resultOf({ id, type }: OutgoingEvent, { stream, sequence, duplicate }: PublishResult): string {
  return `{"id":${
    JSON.stringify(id)
  },"type":"${type}","stream":"${stream}","sequence":${sequence},"duplicate":${duplicate}}`;
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
