import type { EventDefinition } from "../api/define_event.ts";
import { mayLackData } from "../api/define_event.ts";
import { dataSchemaOf } from "../core/schema_version.ts";
import type { JsonSchema } from "./json_schema.ts";

/** Most characters of an id and of a source that the ingress takes. */
const MAX_ID = 256, MAX_SOURCE = 1_024;

const ID: JsonSchema = { type: "string", minLength: 1, maxLength: MAX_ID };
const SOURCE: JsonSchema = { type: "string", format: "uri-reference", minLength: 1, maxLength: MAX_SOURCE };
const TIME: JsonSchema = { type: "string", format: "date-time" };

/**
 * Returns the schema of a CloudEvent in structured mode, as the ingress takes it. Attributes that are missing are filled
 * in.
 *
 * @param data Reference to the schema of the data.
 */
export function envelopeSchema(event: EventDefinition, data: string): JsonSchema {
  const required = ["specversion", "type", ...(mayLackData(event) ? [] : ["data"])];
  return {
    title: `CloudEvent ${event.type}`,
    type: "object",
    properties: {
      specversion: { const: "1.0" },
      type: { const: event.type },
      id: { ...ID, description: "Default: a random id." },
      source: { ...SOURCE, description: "Default: the API key." },
      time: { ...TIME, description: "Default: now." },
      datacontenttype: { type: "string", examples: ["application/json"] },
      dataschema: { type: "string", examples: [dataSchemaOf(event.type, event.version)] },
      data: { $ref: data },
    },
    required,
  };
}

/** Attributes of a CloudEvent in binary mode, which headers of a request may give. */
export const ATTRIBUTE_HEADERS: readonly { readonly name: string; readonly description: string; schema: JsonSchema }[] =
  [
    {
      name: "ce-specversion",
      description: "Marks a CloudEvent in binary mode.",
      schema: { type: "string", enum: ["1.0"] },
    },
    { name: "ce-id", description: "Id of the event. Default: a random id.", schema: ID },
    { name: "ce-source", description: "Source of the event. Default: the API key.", schema: SOURCE },
    { name: "ce-time", description: "Time of the event. Default: now.", schema: TIME },
    {
      name: "ce-dataschema",
      description: "Names the version of the data, as the schema's `$id` does. Default: the current one.",
      schema: { type: "string" },
    },
  ];

/** Returns the schema of the headers of a stored message: a CloudEvent in binary mode (NATS protocol binding). */
export function messageHeaders({ type, version }: EventDefinition): JsonSchema {
  return {
    type: "object",
    properties: {
      "ce-specversion": { const: "1.0" },
      "ce-id": { type: "string" },
      "ce-type": { const: type },
      "ce-source": { type: "string", format: "uri-reference" },
      "ce-time": TIME,
      "ce-dataschema": { type: "string", examples: [dataSchemaOf(type, version)] },
      "content-type": { const: "application/json" },
      traceparent: { type: "string", description: "W3C trace context." },
      tracestate: { type: "string" },
    },
    required: ["ce-specversion", "ce-id", "ce-type", "ce-source"],
  };
}
