import { z } from "zod";
import { defineEvent, type EventDefinition } from "../../api/define_event.ts";
import { exportsOf, type LoadedModule } from "../../project/loaded_module.ts";
import { eventName, schemaFile } from "./names.ts";
import { importOf } from "./templates.ts";

/** The parts of a project that a new function must fit in with. */
export interface ProjectSource {
  readonly schemas: readonly LoadedModule[];
  /** Text of each file in `schemas/`, by its name. */
  readonly schemaTexts: ReadonlyMap<string, string>;
  /** Text of each file in `functions/`, by its name. */
  readonly functions: ReadonlyMap<string, string>;
  /** Names of the files in `tests/functions/`. */
  readonly tests: readonly string[];
}

/** An event that a project declares, or that is to be declared. */
export interface KnownEvent {
  readonly event: EventDefinition;
  /** Name of its file in `schemas/`. */
  readonly file: string;
  readonly name: string;
  readonly isNew: boolean;
}

export interface PlannedFile {
  readonly path: string;
  readonly text: string;
  /** The old text of a file that is extended; absent for a new file. */
  readonly before?: string;
  readonly declares?: readonly string[];
}

/** Returns the exported events by type. Of an event that is exported twice the first export counts. */
export function exportedEvents(schemas: readonly LoadedModule[]): Map<string, KnownEvent> {
  const known = new Map<string, KnownEvent>();
  for (const module of schemas) {
    for (const { value: event } of exportsOf<EventDefinition>([module], "event")) {
      const [name] = Object.entries(module.exports).find(([, value]) => value === event)!;
      const file = module.file.replace("schemas/", "");
      if (!known.has(event.type)) known.set(event.type, { event, file, name, isNew: false });
    }
  }
  return known;
}

/**
 * Returns new events of these types. Each gets a file, and a name that is not taken in that file. `published` is the
 * type that the ingress accepts.
 */
export function declareEvents(types: readonly string[], published: string, source: ProjectSource): KnownEvent[] {
  const files = [...source.schemaTexts.keys()];
  const declared: KnownEvent[] = [];
  for (const type of new Set(types)) {
    const file = schemaFile(type, [...files, ...declared.map(({ file }) => file)]);
    const text = source.schemaTexts.get(file) ?? "";
    const taken = (name: string) =>
      new RegExp(`\\b${name}\\b`).test(text) || declared.some((other) => other.file === file && other.name === name);
    const data = z.object({ id: z.string() });
    const event = defineEvent({ type, version: 1, data, ...(type === published && { ingress: {} }) });
    declared.push({ event, file, name: eventName(type, taken), isNew: true });
  }
  return declared;
}

export function schemaFiles(declared: readonly KnownEvent[], source: ProjectSource): PlannedFile[] {
  return [...Map.groupBy(declared, ({ file }) => file)].map(([file, events]) => {
    const before = source.schemaTexts.get(file), text = withEvents(before ?? "", events);
    return { path: `schemas/${file}`, text, declares: events.map(({ name }) => name), ...(before && { before }) };
  });
}

/** Returns the text of a file of `schemas/` with these events at its end and the imports they need. */
export function withEvents(source: string, events: readonly KnownEvent[]): string {
  const zod = /^import\s+(\{[^}]*\bz\b[^}]*\}|\*\s+as\s+z|z)\s+from\s+["']zod["']/m;
  const weir = /^import\s+\{[^}]*\bdefineEvent\b(?!\s+as\b)[^}]*\}\s+from\s+["']weir["']/m;
  const withZod = zod.test(source) ? source : withImport(source, importOf(["z"], "zod"));
  const text = weir.test(withZod) ? withZod : withImport(withZod, importOf(["defineEvent"], "weir"));
  return [text.trimEnd(), ...events.map(declaration)].join("\n\n") + "\n";
}

function declaration({ name, event: { type, ingress } }: KnownEvent): string {
  const published =
    `  ingress: {}, // accepted from outside, at POST /events/${type}; without this only functions emit it\n`;
  return `/** ${type}: describe what happened. */
export const ${name} = defineEvent({
  type: "${type}",
  version: 1,
  // Replace this with the data of the event.
  data: z.object({ id: z.string() }),
${ingress ? published : ""}});`;
}

/** Adds an import at the beginning, below comments such as a directive for the linter. */
function withImport(source: string, line: string): string {
  const [head] = /^(\/\/.*\n)*/.exec(source)!;
  const rest = source.slice(head.length).trimStart();
  return `${head}${line}\n${rest === "" || rest.startsWith("import") ? "" : "\n"}${rest}`;
}
