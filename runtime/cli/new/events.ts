import { z } from "zod";
import { defineEvent, type EventDefinition } from "../../api/define_event.ts";
import { exportsOf, type LoadedModule } from "../../project/loaded_module.ts";
import { eventName, schemaFile } from "./names.ts";
import { withEvents } from "./schema_file.ts";

/** What of a project something new has to fit in with: its events, and the names of the files it has. */
export interface Surroundings {
  readonly schemas: readonly LoadedModule[];
  /** In `schemas/`, with their text. */
  readonly schemaTexts: ReadonlyMap<string, string>;
  /** In `functions/`. */
  readonly functions: readonly string[];
  /** In `tests/functions/`. */
  readonly tests: readonly string[];
}

/** An event, there already or to be declared. */
export interface KnownEvent {
  readonly event: EventDefinition;
  /** Of `schemas/`. */
  readonly file: string;
  /** What it is exported as. */
  readonly name: string;
  readonly isNew: boolean;
}

/** A file to write, whole. */
export interface PlannedFile {
  readonly path: string;
  readonly text: string;
  /** What was in it: it is added to. */
  readonly before?: string;
  /** What there is in it that a reader wants to know of. */
  readonly declares?: readonly string[];
}

/** The events that are exported, with where and as what; of one that is exported twice the first. */
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

/** Events of these types, each with a file to go to and a name that is free there. */
export function declareEvents(types: readonly string[], published: string, around: Surroundings): KnownEvent[] {
  const files = [...around.schemaTexts.keys()];
  const declared: KnownEvent[] = [];
  for (const type of new Set(types)) {
    const file = schemaFile(type, [...files, ...declared.map(({ file }) => file)]);
    const source = around.schemaTexts.get(file) ?? "";
    const taken = (name: string) =>
      new RegExp(`\\b${name}\\b`).test(source) || declared.some((other) => other.file === file && other.name === name);
    const data = z.object({ id: z.string() });
    const event = defineEvent({ type, version: 1, data, ...(type === published && { ingress: {} }) });
    declared.push({ event, file, name: eventName(type, taken), isNew: true });
  }
  return declared;
}

/** The files of `schemas/` as they are with these events in them. */
export function schemaFiles(declared: readonly KnownEvent[], around: Surroundings): PlannedFile[] {
  return [...new Set(declared.map(({ file }) => file))].map((file) => {
    const before = around.schemaTexts.get(file);
    const events = declared.filter((one) => one.file === file)
      .map(({ name, event }) => ({ name, type: event.type, ingress: event.ingress !== undefined }));
    const text = withEvents(before ?? "", events);
    return { path: `schemas/${file}`, text, declares: events.map(({ name }) => name), ...(before && { before }) };
  });
}
