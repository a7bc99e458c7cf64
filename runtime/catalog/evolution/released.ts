import { type EventDefinition, mayLackData } from "../../api/define_event.ts";
import type { Catalog } from "../catalog.ts";
import { type JsonSchema, jsonSchemaOf } from "../json_schema.ts";
import { byType } from "../openapi.ts";

/** An event as a release had it. */
export interface ReleasedEvent {
  readonly version: number;
  /** Whether an event may have no data. */
  readonly mayLackData: boolean;
  /** Whether the ingress took it, its own route, and whether it is a webhook. Null for an internal event. */
  readonly ingress: { readonly route?: string; readonly signed?: true } | null;
  /** Lowest version of events that it could read, by its upcasts. */
  readonly readsFrom: number;
  readonly schema: JsonSchema;
}

/** The events of a release, by their types. */
export type Released = Readonly<Record<string, ReleasedEvent>>;

/** Returns the events of a project as a release has them. */
export function releasedOf({ events }: Catalog): Released {
  return Object.fromEntries([...events].sort(byType).map((event) => [event.type, releasedEvent(event)]));
}

export function releasedEvent(event: EventDefinition): ReleasedEvent {
  const { $schema: _, $id: __, title: ___, ...schema } = jsonSchemaOf(event), { version, ingress } = event;
  const route = ingress?.route, signed = ingress?.signature && true;
  return {
    version,
    mayLackData: mayLackData(event),
    ingress: ingress ? { ...(route !== undefined && { route }), ...(signed && { signed }) } : null,
    readsFrom: Math.min(version, ...Object.keys(event.upcasts ?? {}).map(Number)),
    schema,
  };
}

/** Returns the text of the file of a release. */
export function releasedText(released: Released): string {
  return JSON.stringify({ events: released }, null, 2) + "\n";
}

/** Reads the text of that file. @throws {Error} that says what is wrong with it */
export function parseReleased(text: string): Released {
  const { events } = JSON.parse(text) as { events?: Released };
  if (typeof events !== "object" || events === null) throw new Error("it has no `events`");
  for (const [type, event] of Object.entries(events)) {
    const isEvent = Number.isInteger(event?.version) && typeof event.schema === "object" && event.schema !== null;
    if (!isEvent) throw new Error(`its event ${JSON.stringify(type)} has no version or no schema`);
  }
  return events;
}
