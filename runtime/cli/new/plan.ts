import { isDeepStrictEqual } from "node:util";
import { type EventDefinition, parserOf } from "../../api/define_event.ts";
import { StartupProblems } from "../../project/startup_problems.ts";
import { covers, isWildcard } from "../../core/subjects.ts";
import { sample } from "../../testing/sample.ts";
import {
  declareEvents,
  exportedEvents,
  type KnownEvent,
  type PlannedFile,
  schemaFiles,
  type Surroundings,
} from "./events.ts";
import { eventName, free, functionName } from "./names.ts";
import { bindingProblems, nameProblems, typeProblems } from "./problems.ts";
import { type Emits, functionText, type Imported, testText, type Wakes } from "./templates.ts";

/** Everything that is to be written, in this order. */
export interface Plan {
  readonly files: readonly PlannedFile[];
  /** An event to try it with; there is none where it listens on a pattern that no event matches. */
  readonly tryWith?: { readonly event: EventDefinition; readonly data: unknown };
}

/**
 * What a function of that name takes: its file, its test, and the events that are not there yet.
 *
 * @throws {StartupProblems} naming all that speaks against it.
 */
export function planFunction(name: string, on: string, emits: readonly string[], around: Surroundings): Plan {
  const known = exportedEvents(around.schemas);
  const types = [on, ...emits].filter((type) => !isWildcard(type));
  const declared = declareEvents(types.filter((type) => !known.has(type)), on, around);
  for (const one of declared) known.set(one.event.type, one);
  const woken = isWildcard(on) ? undefined : known.get(on)!;
  const emitted = [...new Set(emits)].filter((type) => !isWildcard(type)).map((type) => known.get(type)!);
  const there = [...known.values()].filter(({ isNew }) => !isNew).map(({ event }) => event);
  const problems = [
    ...nameProblems(name, around),
    ...typeProblems(on, emits, there.map(({ type }) => type)),
    ...bindingProblems(name, woken ?? on, emitted, declared, around),
  ];
  if (problems.length > 0) throw new StartupProblems(problems);

  const taken = new Set(["defineFunction", "assert", "invoke", "sample", "event", "ctx", "outcome", "emitted", "type"]);
  const imports = new Map<KnownEvent, Imported>();
  for (const one of woken ? [woken, ...emitted] : emitted) imports.set(one, imported(one, taken));
  const wakes: Wakes = woken
    ? { kind: "event", type: on, event: imports.get(woken)! }
    : { kind: "pattern", pattern: on, subject: on.replace(/[*>]/g, "any") };
  const made: Emits[] = emitted.map((one) => ({
    type: one.event.type,
    event: imports.get(one)!,
    data: dataOf(one, woken),
  }));
  // Its test makes one: a schema of which none can be made is told of before anything is written.
  const tryWith = woken?.event ?? there.find(({ type }) => covers(on, type));
  const data = tryWith && sample(tryWith);
  const local = functionName(name, (one) => taken.has(one));
  return {
    files: [
      ...schemaFiles(declared, around),
      { path: `functions/${name}.ts`, text: functionText(wakes, made) },
      { path: `tests/functions/${name}_test.ts`, text: testText(name, local, wakes, made) },
    ],
    ...(tryWith && { tryWith: { event: tryWith, data } }),
  };
}

/** Under the name it is exported by, if that is still free in a file that imports others as well. */
function imported({ name, file, event }: KnownEvent, taken: Set<string>): Imported {
  const asGiven = name === "default" ? [eventName(event.type)] : [name, `${name}Event`];
  const local = free(asGiven, (one) => taken.has(one));
  taken.add(local);
  return { from: `schemas/${file}`, exported: name, local };
}

/** Data that is valid at once: what came in where that has the same shape, else the new event's id, else a sample. */
function dataOf(emitted: KnownEvent, woken: KnownEvent | undefined): Emits["data"] {
  if (emitted.isNew) return { code: woken?.isNew ? "{ id: event.data.id }" : "{ id: event.id }" };
  const data = sample(emitted.event);
  if (emitted.event.data !== woken?.event.data) return { value: data };
  // What a handler gets is what the schema made of it; where that is something else, it cannot be sent on.
  const parsed = parserOf(emitted.event)(data);
  return parsed.ok && isDeepStrictEqual(parsed.value, data) ? { code: "event.data" } : { value: data };
}
