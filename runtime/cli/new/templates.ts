/** An import of a new file. */
export interface Imported {
  /** Path of the imported file in the project. */
  readonly from: string;
  readonly exported: string;
  /** Name in the new file. */
  readonly local: string;
}

/** The trigger of a new function. */
export interface Trigger {
  /** Type of the event, or a subject pattern. */
  readonly on: string;
  /** Absent for a pattern. */
  readonly event?: Imported;
}

/** An event that a new function emits. */
export interface Emission {
  readonly type: string;
  readonly event: Imported;
  /** Expression for the data of the event. */
  readonly data: string;
}

/** Returns the text of a function that logs its event and emits. It is not formatted. */
export function functionText({ on, event }: Trigger, emits: readonly Emission[]): string {
  const emitted = emits.map(({ event }) => event);
  const trigger = event?.local ?? JSON.stringify(on);
  const options = emits.length === 0 ? `{ on: ${trigger} }` : `{
  on: ${trigger},
  emits: [${emitted.map(({ local }) => local).join(", ")}],
}`;
  const known = event ? "is what the schema says" : "is of type unknown: no schema checks it";
  return `${importOf(["defineFunction"], "weir")}
${importsOf(event ? [event, ...emitted] : emitted, "../")}
/** Handles ${on}${emits.length > 0 ? `, emits ${emits.map(({ type }) => type).join(", ")}` : ""}. */
export default defineFunction(${options}, (event, ctx) => {
  // event.data ${known}. A handler may be async. If it throws, it is retried.
  ctx.log.info("received", { subject: event.subject });
${emits.map(({ event, data }) => `  ctx.emit(${event.local}, ${data});\n`).join("")}});
`;
}

/** Returns the text of a test that passes while the function does what its template does. It is not formatted. */
export function testText(name: string, local: string, { on, event }: Trigger, emits: readonly Emission[]): string {
  const given = event
    ? `sample(${event.local})`
    : `{ any: "data" }, { subject: ${JSON.stringify(on.replace(/[*>]/g, "any"))} }`;
  const asserts = ["assertAcked", emits.length === 0 ? "assertNothingEmitted" : "assertEmitted"];
  const emitted = emits.map(({ event }) => event).filter(({ local }) => local !== event?.local);
  const checks = emits.length === 0
    ? ["assertNothingEmitted(result);"]
    : emits.map(({ event }) => `assertEmitted(result, ${event.local});`);
  return `${importOf([...asserts, "invoke", ...(event ? ["sample"] : [])], "weir/testing")}
${importOf([], `../../functions/${name}.ts`, local)}
${importsOf(event ? [event, ...emitted] : emitted, "../../")}
Deno.test(${JSON.stringify(`${name} handles ${on}`)}, async () => {
  const result = await invoke(${local}, ${given});
  assertAcked(result);
${checks.map((check) => `  ${check}\n`).join("")}});
`;
}

/** Returns an import of names such as `A` or `A as B`, or of a default export. */
export function importOf(names: readonly string[], from: string, defaultName?: string): string {
  return `import ${defaultName ?? `{ ${names.join(", ")} }`} from "${from}";`;
}

function importsOf(all: readonly Imported[], above: string): string {
  const files = [...new Set(all.map(({ from }) => from))].sort();
  return files.map((file) => {
    const names = all.filter(({ from }) => from === file)
      .map(({ exported, local }) => exported === local ? local : `${exported} as ${local}`);
    return importOf(names, `${above}${file}`) + "\n";
  }).join("");
}
