import type { EventDefinition } from "../api/define_event.ts";
import { type Catalog, isOpen } from "./catalog.ts";
import { type JsonSchema, jsonSchemaOf } from "./json_schema.ts";
import { byType } from "./openapi.ts";
import { docComment, indent, typeOf } from "./typescript.ts";

/** Returns a TypeScript module for publishers: the data of each event as its publisher sends it. It has only types. */
export function publisherTypes(catalog: Catalog): string {
  const events = [...catalog.events].sort(byType);
  const open = events.filter(isOpen).map(({ type }) => JSON.stringify(type));
  const definitions = events.flatMap(definitionsOf);
  return `// deno-fmt-ignore-file
// deno-lint-ignore-file
// Written by \`deno task catalog\`: the events of ${
    catalog.title.replace(/\s+/g, " ")
  } ${catalog.version}. It has only types.

/** Data of each event, by its type, as a publisher sends it. */
export interface EventData {
${indent(events.map(field).join("\n"))}
}

/** Types of all events. */
export type EventType = keyof EventData;

/** Types of the events that the HTTP ingress takes. */
export type IngressType = ${open.join(" | ") || "never"};

/** Versions of the schemas, which \`dataschema\` carries. */
export interface EventVersion {
${indent(events.map(({ type, version }) => `${JSON.stringify(type)}: ${version};`).join("\n"))}
}

/** A CloudEvent in structured mode, as \`POST /events\` takes it. What is left out is filled in. */
export type CloudEvent<Type extends EventType = EventType> = {
  [One in Type]: {
    specversion: "1.0";
    type: One;
    id?: string;
    source?: string;
    time?: string;
    datacontenttype?: "application/json";
    dataschema?: string;
  } & (undefined extends EventData[One] ? { data?: EventData[One] } : { data: EventData[One] });
}[Type];
${definitions.length === 0 ? "" : `\ninterface Definitions {\n${indent(definitions.join("\n"))}\n}\n`}`;
}

function field(event: EventDefinition): string {
  const schema = jsonSchemaOf(event);
  const isOptional = event.data._zod.optin === "optional", without = schema.not !== undefined;
  const type = without ? "undefined" : typeOf(schema, referencesOf(event)) + (isOptional ? " | undefined" : "");
  return `${docComment(schema)}${JSON.stringify(event.type)}: ${type};`;
}

/** Returns the shared and the recursive parts of an event's schema as members of \`Definitions\`. */
function definitionsOf(event: EventDefinition): string[] {
  const parts = Object.entries(jsonSchemaOf(event).$defs as Record<string, JsonSchema> | undefined ?? {});
  return parts.map(([name, part]) => {
    return `${docComment(part)}${JSON.stringify(`${event.type}#${name}`)}: ${typeOf(part, referencesOf(event))};`;
  });
}

function referencesOf({ type }: EventDefinition): (reference: string) => string {
  return (reference) => {
    if (reference === "#") return `EventData[${JSON.stringify(type)}]`;
    return `Definitions[${JSON.stringify(`${type}#${decodeURIComponent(reference.replace("#/$defs/", ""))}`)}]`;
  };
}
