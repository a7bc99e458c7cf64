import { callOf, importOf, importOrder, list, literal, text, WIDTH } from "./typescript_text.ts";

/** An import of a new file. */
export interface Imported {
  /** Path of the imported file in the project. */
  readonly from: string;
  readonly exported: string;
  /** Name in the new file. */
  readonly local: string;
}

/** The trigger of a new function. */
export type Trigger =
  | { readonly kind: "event"; readonly type: string; readonly event: Imported }
  | { readonly kind: "pattern"; readonly pattern: string; readonly subject: string };

/** An event that a new function emits. */
export interface Emission {
  readonly type: string;
  readonly event: Imported;
  /** Data of the event, as an expression or as a value. */
  readonly data: { readonly code: string } | { readonly value: unknown };
}

/** Returns the text of a function that logs its event and emits. */
export function functionText(trigger: Trigger, emits: readonly Emission[]): string {
  const on = trigger.kind === "event" ? trigger.event.local : text(trigger.pattern);
  const names = emits.map(({ event }) => event.local);
  const options = emits.length === 0 ? `{ on: ${on} }` : `{
  on: ${on},
  emits: ${list(names, 2, "emits: ,".length)},
}`;
  const known = trigger.kind === "event" ? "is what the schema says" : "is of type unknown: no schema checks it";
  const emitting = emits.map(({ event, data }) => {
    const before = `ctx.emit(${event.local}, );`.length;
    return `  ctx.emit(${event.local}, ${"code" in data ? data.code : literal(data.value, 2, before)});\n`;
  });
  const events = [...(trigger.kind === "event" ? [trigger.event] : []), ...emits.map(({ event }) => event)];
  return `${importOf(["defineFunction"], "weir")}
${imports(events, "../")}
/** Handles ${subjectOf(trigger)}${emits.length > 0 ? `, emits ${emits.map(({ type }) => type).join(", ")}` : ""}. */
export default defineFunction(${options}, (event, ctx) => {
  // event.data ${known}. A handler may be async. If it throws, it is retried.
  ctx.log.info("received", { subject: event.subject });
${emitting.join("")}});
`;
}

/** Returns the text of a test that passes while the function does what its template does. */
export function testText(name: string, local: string, trigger: Trigger, emits: readonly Emission[]): string {
  const given = trigger.kind === "event"
    ? [`sample(${trigger.event.local})`]
    : ['{ any: "data" }', `{ subject: ${text(trigger.subject)} }`];
  const types = list(
    emits.map(({ type }) => text(type)),
    2,
    "assert.deepEqual(emitted.map(({ type }) => type), );".length,
  );
  return `import assert from "node:assert/strict";
${importOf(trigger.kind === "event" ? ["invoke", "sample"] : ["invoke"], "weir/testing")}
import ${local} from ${text(`../../functions/${name}.ts`)};
${imports(trigger.kind === "event" ? [trigger.event] : [], "../../")}
Deno.test(${title(name, trigger, emits)}, async () => {
  const { outcome, emitted } = await ${
    callOf("invoke", [local, ...given], 2, "const { outcome, emitted } = await ;".length)
  };
  assert.deepEqual(outcome, { kind: "ack" });
  assert.deepEqual(emitted.map(({ type }) => type), ${types});
});
`;
}

/** Returns the name of the test, shortened to fit on one line. */
function title(name: string, trigger: Trigger, emits: readonly Emission[]): string {
  const handles = `${name} handles ${subjectOf(trigger)}`;
  const all = emits.length === 0 ? [] : [`${handles} and emits ${emits.map(({ type }) => type).join(", ")}`];
  const fits = [...all, handles].map(text).find((title) => `Deno.test(${title}, async () => {`.length <= WIDTH);
  return fits ?? text(name);
}

function subjectOf(trigger: Trigger): string {
  return trigger.kind === "event" ? trigger.type : trigger.pattern;
}

function imports(all: readonly Imported[], above: string): string {
  const files = [...new Set(all.map(({ from }) => from))].sort(importOrder);
  return files.map((file) => {
    const names = all.filter(({ from }) => from === file)
      .map(({ exported, local }) => exported === local ? local : `${exported} as ${local}`);
    return importOf(names, `${above}${file}`) + "\n";
  }).join("");
}
