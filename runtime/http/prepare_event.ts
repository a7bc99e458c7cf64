import { type EventDefinition, parserOf } from "../api/define_event.ts";
import { didYouMean } from "../core/did_you_mean.ts";
import type { OutgoingEvent } from "../core/event.ts";
import { versionIn } from "../core/schema_version.ts";
import { upcast } from "../core/upcast.ts";
import { EMITTED_ID } from "../engine/handler_context.ts";
import type { Caller } from "./caller.ts";
import type { IncomingEvent } from "./parse_events.ts";
import { malformed, Problem } from "./problem.ts";
import { unlessTooDeep } from "./request_body.ts";

const RESERVED_SOURCE = /^\/(functions|streams|ingress)(\/|$)/;

export type Events = ReadonlyMap<string, EventDefinition>;

/**
 * Returns the definition of a type that the caller may publish.
 *
 * @throws {Problem} 404 or 403 otherwise.
 */
export function findEvent(events: Events, caller: Caller, type: string): EventDefinition {
  const event = events.get(type);
  if (!event?.ingress) throw new Problem("unknown-type", notPublic(events, caller, type));
  if (event.ingress.signature) {
    throw new Problem("forbidden", `${type} is published by the signed requests to ${event.ingress.route} alone`);
  }
  if (!caller.mayPublish(type)) {
    throw new Problem("forbidden", `${caller.title} may not publish ${JSON.stringify(type)}`);
  }
  return event;
}

/** Explains a 404. The text names only types that this caller may publish, so that it does not reveal others. */
function notPublic(events: Events, caller: Caller, type: string): string {
  const refused = `no event ${JSON.stringify(type)} can be published from outside`;
  if (events.has(type) && caller.mayPublish(type)) {
    return `${refused}: it is internal, until its defineEvent has \`ingress: {}\``;
  }
  const open = [...events.values()].filter(({ type, ingress }) =>
    ingress && !ingress.signature && caller.mayPublish(type)
  );
  return refused + didYouMean(type, open.map((event) => event.type));
}

/**
 * Validates an event and fills in missing attributes. The data is published as it was sent, not as the schema returned
 * it, since handlers parse it again.
 *
 * @throws {Problem} 400 when the data does not match the schema; 403 when the id or the source is not the caller's.
 */
export function prepareEvent(definition: EventDefinition, caller: Caller, incoming: IncomingEvent): OutgoingEvent {
  const { type, data } = incoming, own = caller.name === undefined ? "/ingress" : `/ingress/${caller.name}`;
  checkIdentity(incoming, own);
  const parsed = parserOf(definition)(definition.upcasts ? upcastData(definition, incoming) : data);
  if (!parsed.ok) {
    if (data === undefined) throw malformed("the event has no data");
    const { issues, omitted = 0 } = parsed;
    const more = omitted === 0 ? "" : `: ${issues.length} errors are listed, and there are at least ${omitted} more`;
    const detail = `the data does not match the schema of ${type}${more}`;
    throw new Problem("invalid-data", detail, { members: { errors: issues } });
  }
  return {
    id: incoming.id ?? crypto.randomUUID(),
    type,
    source: incoming.source ?? own,
    time: incoming.time ?? currentTime(),
    json: data === undefined ? "" : unlessTooDeep(() => JSON.stringify(data)),
    version: definition.version,
    extensions: extensionsOf(incoming, caller),
  };
}

/** Returns the extensions of an event, with who published it. A caller that is known cannot claim to be another. */
function extensionsOf({ extensions }: IncomingEvent, { identity }: Caller): Readonly<Record<string, string>> {
  if (!identity) return extensions;
  const { authclaims: _, ...others } = extensions;
  return { ...others, ...identity };
}

/** Returns data of an earlier version, which the caller names by `dataschema`, as data of the current one. */
function upcastData({ type, version, upcasts }: EventDefinition, { data, extensions }: IncomingEvent): unknown {
  const from = versionIn(extensions.dataschema, type);
  if (from === undefined || from >= version) return data;
  try {
    // A copy, since the data is stored as it was sent: an upcast may change its argument, although it should not.
    return upcast(structuredClone(data), from, upcasts!, version);
  } catch {
    // The author's function may fail on any data that no schema has checked. Its error is not the caller's to see.
    throw new Problem("invalid-data", `the data does not match version ${from} of the schema of ${type}`);
  }
}

/**
 * Refuses ids and sources that only Weir gives. An event with such an id or source would seem to come from a function,
 * a stream or another caller.
 */
function checkIdentity({ id, source }: IncomingEvent, own: string): void {
  if (id !== undefined && EMITTED_ID.test(id)) {
    throw new Problem("forbidden", `the id ${JSON.stringify(id)} is one of an emitted event: use another`);
  }
  if (source !== undefined && source !== own && RESERVED_SOURCE.test(source)) {
    throw new Problem("forbidden", `the source ${JSON.stringify(source)} is not yours: use another, or leave it out`);
  }
}

let lastMs = 0, lastTime = "";

/** Returns the time as text. Hot path: events of the same millisecond share it. */
function currentTime(): string {
  const nowMs = Date.now();
  if (nowMs !== lastMs) {
    lastMs = nowMs;
    lastTime = new Date(nowMs).toISOString();
  }
  return lastTime;
}
