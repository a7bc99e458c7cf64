import type { EventDefinition } from "../api/define_event.ts";
import { type Catalog, isOpen, NO_VERSION } from "./catalog.ts";
import { jsonSchemaOf } from "./json_schema.ts";
import { byType } from "./openapi.ts";
import { fieldsOf } from "./page_fields.ts";
import { PAGE_STYLE } from "./page_style.ts";

/**
 * Returns a page that shows each event: its fields, who publishes it, and which functions handle and emit it. The page
 * has no script and loads nothing.
 */
export function catalogPage(catalog: Catalog): string {
  const events = [...catalog.events].sort(byType), { title, version } = catalog;
  const name = escapeHtml(title);
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}: events</title>
<style>${PAGE_STYLE}</style>
<header>
<h1>${name}</h1>
<p>${events.length} events${version === NO_VERSION ? "" : `, version ${escapeHtml(version)}`}.
<a href="openapi.json">OpenAPI</a> <a href="asyncapi.json">AsyncAPI</a> <a href="publishers.ts">TypeScript</a></p>
</header>
<nav>
<ul>
${events.map(({ type, ingress }) => `<li><a href="#${type}">${type}</a>${ingress ? " <b>HTTP</b>" : ""}`).join("\n")}
</ul>
</nav>
<main>
${events.map((event) => section(event, catalog)).join("\n")}
</main>
</html>
`;
}

function section(event: EventDefinition, { functions, streamOf, names }: Catalog): string {
  const { type, version, ingress } = event, schema = jsonSchemaOf(event), stream = streamOf(type);
  const handlers = functions.filter(({ triggers }) => triggers.some((trigger) => trigger.event?.type === type));
  const emitters = functions.filter(({ emits }) => emits.includes(event));
  const published = [
    ...(isOpen(event) ? [`POST /events/${type}`] : []),
    ...(ingress?.route ? [`POST ${ingress.route}${isOpen(event) ? "" : " (webhook)"}`] : []),
  ];
  const rows: [name: string, value: string][] = [
    ["HTTP", published.map(code).join(", ")],
    ["emitted by", emitters.map((fn) => code(fn.name)).join(", ")],
    ["handled by", handlers.map((fn) => code(fn.name)).join(", ")],
    ["subject", functions.length > 0 ? code(names.subject(type)) : ""],
    ["stream", functions.length > 0 && stream !== undefined ? code(stream) : ""],
    ["schema", `version ${version}, <a href="schemas/${type}.json">JSON Schema</a>`],
  ];
  return `<section id="${type}">
<h2>${type}</h2>
${typeof schema.description === "string" ? `<p>${escapeHtml(schema.description)}</p>` : ""}
<dl>
${rows.filter(([, value]) => value !== "").map(([name, value]) => `<dt>${name}<dd>${value}`).join("\n")}
</dl>
${fieldTable(event)}
</section>`;
}

function fieldTable(event: EventDefinition): string {
  const fields = fieldsOf(jsonSchemaOf(event));
  if (fields.length === 0) return "";
  const rows = fields.map(({ path, type, isRequired, notes }) => {
    return `<tr><td>${code(path)}<td>${escapeHtml(type)}<td>${isRequired ? "yes" : ""}<td>${escapeHtml(notes)}`;
  });
  return `<table>
<thead><tr><th>field<th>type<th>required<th>
<tbody>
${rows.join("\n")}
</table>`;
}

function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
