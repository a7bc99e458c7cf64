import { defineFunction } from "../../api/define_function.ts";
import { StartupProblems } from "../../project/startup_problems.ts";
import { buildRegistry } from "../../project/registry.ts";
import { isModule } from "../../project/load_project.ts";
import { nearest } from "../../core/did_you_mean.ts";
import { covers, isWildcard } from "../../core/subjects.ts";
import type { KnownEvent, Surroundings } from "./events.ts";

/** A type so near another one is taken for a slip, not for a new event. */
const SLIP = 1 / 6;

/** What speaks against a new function of that name: it is there, or nearly. */
export function nameProblems(name: string, { functions, tests }: Surroundings): string[] {
  if (/[\/\\]/.test(name)) return [`"${name}" is in a folder: a function's file is directly in functions/`];
  const problems: string[] = [];
  const same = (file: string) => (other: string) => other.toLowerCase() === file.toLowerCase();
  const fn = functions.find(same(`${name}.ts`)), test = tests.find(same(`${name}_test.ts`));
  if (fn === `${name}.ts`) problems.push(`functions/${fn} is there already: nothing is overwritten, take another name`);
  else if (fn) {
    problems.push(
      `functions/${fn} differs from "${name}" only in capital letters: many file systems see one file there`,
    );
  } else if (test) problems.push(`tests/functions/${test} is there already: nothing is overwritten, take another name`);
  if (/^[A-Za-z]/.test(name) && !isModule(`${name}.ts`)) {
    problems.push(`functions/${name}.ts would be taken for a test, and not be run: take another name`);
  }
  return problems;
}

/** What speaks against these types, known ones and those that would be new. */
export function typeProblems(on: string, emits: readonly string[], known: Iterable<string>): string[] {
  const types = [...known];
  const problems = emits.filter(isWildcard).map((type) =>
    `--emits "${type}" is a pattern: name the types it stands for`
  );
  for (const type of emits) {
    if (isWildcard(type) || !covers(on, type)) continue;
    problems.push(`it would emit "${type}", which wakes it again, without an end: if you mean that, write it by hand`);
  }
  for (const type of new Set([on, ...emits])) {
    if (isWildcard(type) || types.includes(type)) continue;
    const near = nearest(type, types, Math.floor(type.length * SLIP));
    // Revisions of one event, such as "a.b.v2", are no slips.
    if (near === undefined || near.replace(/\d+/g, "0") === type.replace(/\d+/g, "0")) continue;
    problems.push(
      `no event has the type "${type}": did you mean "${near}"? ` +
        "If it is to be an event of its own, declare it in schemas/ first",
    );
  }
  return problems;
}

/** What would keep the project from starting with the new function and the new events in it. */
export function bindingProblems(
  name: string,
  on: KnownEvent | string,
  emits: readonly KnownEvent[],
  declared: readonly KnownEvent[],
  { schemas }: Surroundings,
): string[] {
  const trigger = typeof on === "string" ? on : on.event;
  const fn = defineFunction({ on: trigger, emits: emits.map(({ event }) => event) }, () => {});
  const added = declared.map(({ file, name, event }) => ({ file: `schemas/${file}`, exports: { [name]: event } }));
  try {
    buildRegistry([...schemas, ...added], [{ file: `functions/${name}.ts`, exports: { default: fn } }]);
    return [];
  } catch (error) {
    if (error instanceof StartupProblems) return [...error.problems];
    throw error;
  }
}
