import { callOf, importOf, importOrder, list, literal, text, WIDTH } from "./typescript_text.ts";

/** Something that a file imports: from where in the project, as what it is exported there, and what it is called here. */
export interface Imported {
  readonly from: string;
  readonly exported: string;
  readonly local: string;
}

/** What a new function is woken by. */
export type Wakes =
  | { readonly kind: "event"; readonly type: string; readonly event: Imported }
  | { readonly kind: "pattern"; readonly pattern: string; readonly subject: string };

/** What a new function emits, and the data as an expression or as a value. */
export interface Emits {
  readonly type: string;
  readonly event: Imported;
  readonly data: { readonly code: string } | { readonly value: unknown };
}

/** The file of a function that does nothing yet but what its test asks for. */
export function functionText(wakes: Wakes, emits: readonly Emits[]): string {
  const on = wakes.kind === "event" ? wakes.event.local : text(wakes.pattern);
  const names = emits.map(({ event }) => event.local);
  const options = emits.length === 0 ? `{ on: ${on} }` : `{
  on: ${on},
  emits: ${list(names, 2, "emits: ,".length)},
}`;
  const known = wakes.kind === "event" ? "is what the schema says" : "is of type unknown: no schema checks it";
  const emitting = emits.map(({ event, data }) => {
    const before = `ctx.emit(${event.local}, );`.length;
    return `  ctx.emit(${event.local}, ${"code" in data ? data.code : literal(data.value, 2, before)});\n`;
  });
  const events = [...(wakes.kind === "event" ? [wakes.event] : []), ...emits.map(({ event }) => event)];
  return `${importOf(["defineFunction"], "weir")}
${imports(events, "../")}
/** Handles ${subjectOf(wakes)}${emits.length > 0 ? `, emits ${emits.map(({ type }) => type).join(", ")}` : ""}. */
export default defineFunction(${options}, (event, ctx) => {
  // event.data ${known}. A handler may be async; one that throws is run again.
  ctx.log.info("handled", { subject: event.subject });
${emitting.join("")}});
`;
}

/** The file of its test, which passes as long as the function does what its template did. */
export function testText(name: string, local: string, wakes: Wakes, emits: readonly Emits[]): string {
  const given = wakes.kind === "event"
    ? [`sample(${wakes.event.local})`]
    : ['{ any: "data" }', `{ subject: ${text(wakes.subject)} }`];
  const types = list(
    emits.map(({ type }) => text(type)),
    2,
    "assert.deepEqual(emitted.map(({ type }) => type), );".length,
  );
  return `import assert from "node:assert/strict";
${importOf(wakes.kind === "event" ? ["invoke", "sample"] : ["invoke"], "weir/testing")}
import ${local} from ${text(`../../functions/${name}.ts`)};
${imports(wakes.kind === "event" ? [wakes.event] : [], "../../")}
Deno.test(${title(name, wakes, emits)}, async () => {
  const { outcome, emitted } = await ${
    callOf("invoke", [local, ...given], 2, "const { outcome, emitted } = await ;".length)
  };
  assert.deepEqual(outcome, { kind: "ack" });
  assert.deepEqual(emitted.map(({ type }) => type), ${types});
});
`;
}

/** As much as fits on its line. */
function title(name: string, wakes: Wakes, emits: readonly Emits[]): string {
  const handles = `${name} handles ${subjectOf(wakes)}`;
  const all = emits.length === 0 ? [] : [`${handles} and emits ${emits.map(({ type }) => type).join(", ")}`];
  const fits = [...all, handles].map(text).find((one) => `Deno.test(${one}, async () => {`.length <= WIDTH);
  return fits ?? text(name);
}

function subjectOf(wakes: Wakes): string {
  return wakes.kind === "event" ? wakes.type : wakes.pattern;
}

function imports(all: readonly Imported[], above: string): string {
  const files = [...new Set(all.map(({ from }) => from))].sort(importOrder);
  return files.map((file) => {
    const names = all.filter(({ from }) => from === file)
      .map(({ exported, local }) => exported === local ? local : `${exported} as ${local}`);
    return importOf(names, `${above}${file}`) + "\n";
  }).join("");
}
