import type { EventDefinition } from "../../api/define_event.ts";
import { StartupProblems } from "../../project/startup_problems.ts";
import { covers, isWildcard } from "../../core/subjects.ts";
import { sample } from "../../testing/sample.ts";
import {
  declareEvents,
  exportedEvents,
  type KnownEvent,
  type PlannedFile,
  type ProjectSource,
  schemaFiles,
} from "./events.ts";
import { eventName, free, functionName } from "./names.ts";
import { bindingProblems, nameProblems, typeProblems } from "./problems.ts";
import { type Emission, functionText, type Imported, testText, type Trigger } from "./templates.ts";

/** The files of a new function, in the order they are written. */
export interface Plan {
  readonly files: readonly PlannedFile[];
  /** An event to try the function with; absent when its trigger is a pattern that no event matches. */
  readonly tryWith?: { readonly event: EventDefinition; readonly data: unknown };
}

/** Names that a new test imports from the kit. */
const TEST_NAMES = ["invoke", "sample", "assertAcked", "assertEmitted", "assertNothingEmitted"];

/** Plans the files of a new function. @throws {StartupProblems} naming every problem at once. */
export function planFunction(name: string, on: string, emits: readonly string[], source: ProjectSource): Plan {
  const known = exportedEvents(source.schemas);
  const types = [on, ...emits].filter((type) => !isWildcard(type));
  const declared = declareEvents(types.filter((type) => !known.has(type)), on, source);
  for (const event of declared) known.set(event.event.type, event);
  const triggerEvent = isWildcard(on) ? undefined : known.get(on)!;
  const emitted = [...new Set(emits)].filter((type) => !isWildcard(type)).map((type) => known.get(type)!);
  const declaredBefore = [...known.values()].filter(({ isNew }) => !isNew).map(({ event }) => event);
  const problems = [
    ...nameProblems(name, source),
    ...typeProblems(on, emits, declaredBefore.map(({ type }) => type)),
    ...bindingProblems(name, triggerEvent ?? on, emitted, declared, source),
  ];
  if (problems.length > 0) throw new StartupProblems(problems);

  const taken = new Set(["defineFunction", ...TEST_NAMES, "event", "ctx", "result"]);
  const imports = new Map<KnownEvent, Imported>();
  for (const event of triggerEvent ? [triggerEvent, ...emitted] : emitted) imports.set(event, imported(event, taken));
  const trigger: Trigger = { on, ...(triggerEvent && { event: imports.get(triggerEvent)! }) };
  const emissions: Emission[] = emitted.map((event) => ({
    type: event.event.type,
    event: imports.get(event)!,
    data: dataOf(event, triggerEvent),
  }));
  // The test calls `sample` as well: a schema that no sample satisfies is refused before a file is written.
  const tryWith = triggerEvent?.event ?? declaredBefore.find(({ type }) => covers(on, type));
  const data = tryWith && sample(tryWith);
  const local = functionName(name, (name) => taken.has(name));
  return {
    files: [
      ...schemaFiles(declared, source),
      { path: `functions/${name}.ts`, text: functionText(trigger, emissions) },
      { path: `tests/functions/${name}_test.ts`, text: testText(name, local, trigger, emissions) },
    ],
    ...(tryWith && { tryWith: { event: tryWith, data } }),
  };
}

/** Imports an event under the name of its export, or under another name if that is taken in the new file. */
function imported({ name, file, event }: KnownEvent, taken: Set<string>): Imported {
  const asGiven = name === "default" ? [eventName(event.type)] : [name, `${name}Event`];
  const local = free(asGiven, (name) => taken.has(name));
  taken.add(local);
  return { from: `schemas/${file}`, exported: name, local };
}

/** Returns an expression for valid data to emit: the id of the trigger for a new event, and a sample otherwise. */
function dataOf(emitted: KnownEvent, triggerEvent: KnownEvent | undefined): string {
  if (emitted.isNew) return triggerEvent?.isNew ? "{ id: event.data.id }" : "{ id: event.id }";
  return JSON.stringify(sample(emitted.event)).replace(/(?<!\\)"([A-Za-z_$][\w$]*)":/g, "$1:");
}
