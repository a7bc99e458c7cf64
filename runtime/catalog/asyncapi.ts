import type { EventDefinition } from "../api/define_event.ts";
import type { ResolvedFunction, ResolvedTrigger } from "../project/resolve_function.ts";
import type { Catalog } from "./catalog.ts";
import { messageHeaders } from "./cloudevents.ts";
import { embedded, type JsonSchema, jsonSchemaOf } from "./json_schema.ts";
import { byType } from "./openapi.ts";

const BINDING_VERSION = "0.1.0";

/**
 * Returns the AsyncAPI 3.0 document of a project: events are channels, whose addresses are subjects in NATS, and what
 * functions handle and emit are operations.
 */
export function asyncApi(catalog: Catalog): JsonSchema {
  const events = [...catalog.events].sort(byType), { functions } = catalog;
  return {
    ...head(
      catalog,
      "Events on NATS JetStream, as CloudEvents 1.0 in binary mode, and the functions that handle them.",
    ),
    channels: {
      ...Object.fromEntries(events.map((event) => [event.type, eventChannel(event, catalog)])),
      ...Object.fromEntries(
        functions.flatMap(({ triggers }) => triggers.filter(({ event }) => !event)).map((trigger) => {
          return [channelName(trigger.pattern), rawChannel(trigger, catalog)];
        }),
      ),
    },
    operations: {
      ...Object.fromEntries(functions.flatMap((fn) => operationsOf(fn, catalog))),
      ...Object.fromEntries(events.filter(({ ingress }) => ingress).map(ingressOperation)),
    },
    components: componentsOf(events),
  };
}

/**
 * Returns the AsyncAPI 3.0 document for outsiders: the events of the catalog are channels of the ingress, and nothing
 * of NATS is shown.
 */
export function publicAsyncApi(catalog: Catalog): JsonSchema {
  const events = [...catalog.events].sort(byType);
  return {
    ...head(catalog, "Events that can be published by HTTP."),
    channels: Object.fromEntries(
      events.map((event) => [event.type, { address: `/events/${event.type}`, ...messagesOf(event) }]),
    ),
    operations: Object.fromEntries(events.map(ingressOperation)),
    components: componentsOf(events),
  };
}

function head({ title, version }: Catalog, description: string): JsonSchema {
  return { asyncapi: "3.0.0", info: { title, version, description }, defaultContentType: "application/json" };
}

function componentsOf(events: readonly EventDefinition[]): JsonSchema {
  return {
    messages: Object.fromEntries(events.map((event) => [event.type, message(event)])),
    schemas: Object.fromEntries(events.map((event) => {
      return [event.type, embedded(jsonSchemaOf(event, "draft-7"), `#/components/schemas/${event.type}`)];
    })),
  };
}

function message(event: EventDefinition): JsonSchema {
  const { type, version } = event, { description } = jsonSchemaOf(event);
  return {
    name: type,
    title: type,
    summary: `Version ${version} of its schema.`,
    ...(description !== undefined && { description }),
    contentType: "application/json",
    headers: messageHeaders(event),
    payload: { $ref: `#/components/schemas/${type}` },
  };
}

function messagesOf({ type }: EventDefinition): JsonSchema {
  return { messages: { [type]: { $ref: `#/components/messages/${type}` } } };
}

function eventChannel(event: EventDefinition, { names, streamOf }: Catalog): JsonSchema {
  const stream = streamOf(event.type);
  return {
    address: names.subject(event.type),
    ...messagesOf(event),
    bindings: { nats: {} },
    ...(stream !== undefined && { "x-jetstream-stream": stream }),
  };
}

/** Returns the channel of a subject pattern or a schedule, whose messages are not described. */
function rawChannel({ pattern, stream, schedule }: ResolvedTrigger, { names }: Catalog): JsonSchema {
  return {
    address: names.subject(pattern),
    description: schedule ? "Ticks of a schedule." : "Messages whose data is not checked; the address is a pattern.",
    bindings: { nats: {} },
    "x-jetstream-stream": names.stream(stream),
  };
}

function operationsOf(fn: ResolvedFunction, catalog: Catalog): [name: string, operation: JsonSchema][] {
  const received = fn.triggers.map(({ pattern, event, stream }): [string, JsonSchema] => {
    const channel = event ? event.type : channelName(pattern);
    return [`${fn.name}.receives.${channel}`, {
      action: "receive",
      channel: { $ref: `#/channels/${channel}` },
      summary: `${fn.name} handles it.`,
      ...(event && only(event)),
      bindings: { nats: { queue: catalog.names.consumer(fn.name), bindingVersion: BINDING_VERSION } },
      "x-jetstream-consumer": { stream: catalog.names.stream(stream), durable: catalog.names.consumer(fn.name) },
    }];
  });
  const sent = fn.emits.map((event): [string, JsonSchema] => [`${fn.name}.sends.${event.type}`, {
    action: "send",
    channel: { $ref: `#/channels/${event.type}` },
    summary: `${fn.name} emits it.`,
    ...only(event),
  }]);
  return [...received, ...sent];
}

function ingressOperation(event: EventDefinition): [name: string, operation: JsonSchema] {
  const { route, signature } = event.ingress!;
  const paths = signature ? `A webhook of ${route}` : `POST /events/${event.type}${route ? ` or ${route}` : ""}`;
  return [`ingress.receives.${event.type}`, {
    action: "receive",
    channel: { $ref: `#/channels/${event.type}` },
    summary: `${paths} publishes it.`,
    ...only(event),
    bindings: { http: { method: "POST", bindingVersion: "0.3.0" } },
  }];
}

function only({ type }: EventDefinition): JsonSchema {
  return { messages: [{ $ref: `#/channels/${type}/messages/${type}` }] };
}

/** Returns the name of a pattern's channel: the names of an AsyncAPI document have no wildcards. */
function channelName(pattern: string): string {
  return pattern.replace(/[^\w.-]/g, (char) => char === "*" ? "_any_" : char === ">" ? "_rest_" : "_");
}
