import { type EventDefinition, mayLackData } from "../api/define_event.ts";
import { type Catalog, isOpen } from "./catalog.ts";
import { ATTRIBUTE_HEADERS, envelopeSchema } from "./cloudevents.ts";
import { embedded, type JsonSchema, jsonSchemaOf } from "./json_schema.ts";
import { followEvent } from "./openapi_progress.ts";
import { HEADERS, PROBLEM, PUBLISHED, RATE_LIMIT_HEADERS, refusals, refused, REPLIED } from "./openapi_responses.ts";

export interface OpenApiOptions {
  /** Whether callers need an API key. */
  readonly needsKey: boolean;
  /** Whether callers may send a JSON Web Token instead. @default {false} */
  readonly takesTokens?: boolean;
  /** URL of the ingress. @default relative to where the document is served */
  readonly server?: string;
}

const JSON_TYPE = "application/json", STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json", NDJSON = "application/x-ndjson";

/** Returns the OpenAPI 3.1 document of the ingress: the events of the catalog that it takes, and nothing else. */
export function openApi(
  catalog: Catalog,
  { needsKey, takesTokens = false, server = "/" }: OpenApiOptions,
): JsonSchema {
  const events = catalog.events.filter(isOpen).sort(byType), schemes = securitySchemes(needsKey, takesTokens);
  return {
    openapi: "3.1.0",
    info: {
      title: catalog.title,
      version: catalog.version,
      description: "Publishes events. 202 says that JetStream has stored the event. " +
        "Send the same id again after a 503 or a lost connection: an id is stored once.",
    },
    servers: [{ url: server }],
    security: Object.keys(schemes).map((name) => ({ [name]: [] })),
    tags: [{ name: "events", description: "Events that can be published from outside." }],
    paths: {
      ...Object.fromEntries(events.flatMap(pathsOf)),
      ...(events.length > 0 && { "/events": { post: publishEvents(events) } }),
      ...(events.some(({ ingress }) => ingress?.progress) && { "/events/{id}/progress": { get: followEvent() } }),
    },
    components: {
      schemas: {
        Published: PUBLISHED,
        Problem: PROBLEM,
        ...Object.fromEntries(events.flatMap(schemasOf)),
      },
      responses: refusals(),
      headers: HEADERS,
      ...(needsKey && { securitySchemes: schemes }),
    },
  };
}

function securitySchemes(needsKey: boolean, takesTokens: boolean): JsonSchema {
  if (!needsKey) return {};
  const apiKey = { type: "http", scheme: "bearer", description: "An API key." };
  const description = "A token of the issuer, with a scope such as `publish:orders.>`.";
  return {
    apiKey,
    ...(takesTokens && { token: { type: "http", scheme: "bearer", bearerFormat: "JWT", description } }),
  };
}

export function byType(a: EventDefinition, b: EventDefinition): number {
  return a.type < b.type ? -1 : 1;
}

// A prefix keeps the names of events apart from each other and from those of the other schemas.
const dataName = (type: string) => `Data.${type}`, envelopeName = (type: string) => `CloudEvent.${type}`;
const reference = (name: string) => `#/components/schemas/${name}`;

function schemasOf(event: EventDefinition): [name: string, schema: JsonSchema][] {
  const data = dataName(event.type);
  return [
    [data, embedded(jsonSchemaOf(event), reference(data))],
    [envelopeName(event.type), envelopeSchema(event, reference(data))],
  ];
}

function pathsOf(event: EventDefinition): [path: string, item: JsonSchema][] {
  const { type, ingress } = event;
  return [
    [`/events/${type}`, { post: publishOne(event, `publish.${type}`) }],
    ...(ingress?.route
      ? [[ingress.route, { post: publishOne(event, `publishAt.${type}`) }] as [string, JsonSchema]]
      : []),
  ];
}

function publishOne(event: EventDefinition, operationId: string): JsonSchema {
  const { type, version, ingress } = event, { description } = jsonSchemaOf(event);
  return {
    operationId,
    summary: `Publish ${type}`,
    description: `${description ? `${description}\n\n` : ""}Version ${version} of its schema.`,
    tags: ["events"],
    parameters: [
      ...[IDEMPOTENCY_KEY, TRACEPARENT, CONTENT_ENCODING],
      ...(ingress?.reply ? [PREFER] : []),
      ...ATTRIBUTE_HEADERS.map(header),
    ],
    requestBody: {
      required: !mayLackData(event),
      content: {
        [JSON_TYPE]: { schema: { $ref: reference(dataName(type)) } },
        [STRUCTURED]: { schema: { $ref: reference(envelopeName(type)) } },
      },
    },
    responses: {
      ...(ingress?.reply && { "200": REPLIED }),
      "202": stored({ $ref: reference("Published") }),
      ...refused(),
    },
  };
}

function publishEvents(events: readonly EventDefinition[]): JsonSchema {
  const types = events.map(({ type }) => type);
  const anyOf = (name: (type: string) => string) => ({ anyOf: types.map((type) => ({ $ref: reference(name(type)) })) });
  const ceType = { name: "ce-type", description: "Type of the event, with application/json.", schema: { enum: types } };
  return {
    operationId: "publishEvents",
    summary: "Publish one event, or many",
    description:
      "Takes a CloudEvent; the data of the event that `ce-type` names; a batch, of which none is stored if " +
      "one is refused; or NDJSON with a CloudEvent on each line, which are stored as they arrive.",
    tags: ["events"],
    parameters: [IDEMPOTENCY_KEY, TRACEPARENT, CONTENT_ENCODING, header(ceType), ...ATTRIBUTE_HEADERS.map(header)],
    requestBody: {
      required: true,
      content: {
        [STRUCTURED]: { schema: anyOf(envelopeName) },
        [BATCH]: { schema: { type: "array", items: anyOf(envelopeName) } },
        [NDJSON]: { schema: { type: "string", description: "A CloudEvent in structured mode on each line." } },
        [JSON_TYPE]: { schema: anyOf(dataName) },
      },
    },
    responses: {
      "202": stored({
        oneOf: [{ $ref: reference("Published") }, { type: "array", items: { $ref: reference("Published") } }],
      }),
      ...refused(),
    },
  };
}

function stored(schema: JsonSchema): JsonSchema {
  return {
    description: "JetStream has stored it.",
    headers: RATE_LIMIT_HEADERS,
    content: { [JSON_TYPE]: { schema } },
  };
}

function header({ name, description, schema }: { name: string; description: string; schema: JsonSchema }): JsonSchema {
  return { name, in: "header", required: false, description, schema };
}

const IDEMPOTENCY_KEY = header({
  name: "Idempotency-Key",
  description:
    "Becomes the id of the event; of many events in one request, the one at index N gets `KEY:N`. An id is " +
    "stored once, and a repeat answers `duplicate: true`.",
  schema: { type: "string", minLength: 1, maxLength: 256 },
});
const PREFER = header({
  name: "Prefer",
  description: "`wait=5` waits up to five seconds for the event that replies (RFC 7240).",
  schema: { type: "string", examples: ["wait=5"] },
});
const CONTENT_ENCODING = header({
  name: "Content-Encoding",
  description: "The coding of the body, if it has one. The limits are for what it unpacks to.",
  schema: { enum: ["gzip", "zstd"] },
});
const TRACEPARENT = header({
  name: "traceparent",
  description: "W3C trace context, which the event continues.",
  schema: { type: "string" },
});
