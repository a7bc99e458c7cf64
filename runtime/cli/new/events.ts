import { z } from "zod";
import { defineEvent, type EventDefinition } from "../../api/define_event.ts";
import { exportsOf, type LoadedModule } from "../../project/loaded_module.ts";
import { eventName, schemaFile } from "./names.ts";
import { withEvents } from "./schema_file.ts";

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
  /** Name of its export. */
  readonly name: string;
  readonly isNew: boolean;
}

/** A file to write. */
export interface PlannedFile {
  readonly path: string;
  /** The whole new text. */
  readonly text: string;
  /** The old text of a file that is extended; absent for a new file. */
  readonly before?: string;
  /** Names of the events that the new text declares. */
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
 * Returns new events of these types, each with a file to declare it in and a name that is free there.
 *
 * @param published Type of the event that the ingress accepts.
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

/** Returns the files of `schemas/` with these events added. */
export function schemaFiles(declared: readonly KnownEvent[], source: ProjectSource): PlannedFile[] {
  return [...new Set(declared.map(({ file }) => file))].map((file) => {
    const before = source.schemaTexts.get(file);
    const events = declared.filter((event) => event.file === file)
      .map(({ name, event }) => ({ name, type: event.type, ingress: event.ingress !== undefined }));
    const text = withEvents(before ?? "", events);
    return { path: `schemas/${file}`, text, declares: events.map(({ name }) => name), ...(before && { before }) };
  });
}
