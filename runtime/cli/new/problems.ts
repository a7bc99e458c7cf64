import { defineFunction } from "../../api/define_function.ts";
import { StartupProblems } from "../../project/startup_problems.ts";
import { buildRegistry } from "../../project/registry.ts";
import { isModule } from "../../project/list_files.ts";
import { nearest } from "../../core/did_you_mean.ts";
import { covers, isWildcard } from "../../core/subjects.ts";
import type { KnownEvent, ProjectSource } from "./events.ts";

/** Share of a type's letters that may differ from a known type and still count as a misspelling. */
const MISSPELLED_SHARE = 1 / 6;

export function nameProblems(name: string, { functions, tests }: ProjectSource): string[] {
  if (/[\/\\]/.test(name)) return [`"${name}" is in a folder: a function's file is directly in functions/`];
  const problems: string[] = [];
  const same = (file: string) => (other: string) => other.toLowerCase() === file.toLowerCase();
  const fn = [...functions.keys()].find(same(`${name}.ts`)), test = tests.find(same(`${name}_test.ts`));
  // Many file systems treat names that differ only in capital letters as one file.
  const existing = fn ? `functions/${fn}` : test ? `tests/functions/${test}` : undefined;
  if (existing) problems.push(`${existing} exists already and is not overwritten: choose another name`);
  const sameName = [...functions].find(([, text]) => nameOption(text)?.toLowerCase() === name.toLowerCase());
  if (sameName) {
    problems.push(`functions/${sameName[0]} has the name "${nameOption(sameName[1])}": choose another name`);
  }
  if (/^[A-Za-z]/.test(name) && !isModule(`${name}.ts`)) {
    problems.push(`functions/${name}.ts would be taken for a test and not run: choose another name`);
  }
  return problems;
}

/** Returns the option `name` of the function in a file, if its text shows it as a literal. */
function nameOption(text: string): string | undefined {
  return /\bdefineFunction\(\s*\{(?:[^{}]|\{[^{}]*\})*?\bname:\s*["'`]([\w-]+)["'`]/.exec(text)?.[1];
}

export function typeProblems(on: string, emits: readonly string[], known: Iterable<string>): string[] {
  const types = [...known];
  const problems = emits.filter(isWildcard).map((type) =>
    `--emits "${type}" is a pattern: name the types it stands for`
  );
  for (const type of emits) {
    if (isWildcard(type) || !covers(on, type)) continue;
    problems.push(
      `it would emit "${type}", which triggers it again, in an endless loop: to do that on purpose, write it by hand`,
    );
  }
  for (const type of new Set([on, ...emits])) {
    if (isWildcard(type) || types.includes(type)) continue;
    const near = nearest(type, types, Math.floor(type.length * MISSPELLED_SHARE));
    // Revisions of one event, such as "a.b.v2", are not misspellings.
    if (near === undefined || near.replace(/\d+/g, "0") === type.replace(/\d+/g, "0")) continue;
    problems.push(
      `no event has the type "${type}": did you mean "${near}"? ` +
        "For an event of its own, declare it in schemas/ first",
    );
  }
  return problems;
}

/** Returns the problems with which the project would not start once the new function and events are in it. */
export function bindingProblems(
  name: string,
  on: KnownEvent | string,
  emits: readonly KnownEvent[],
  declared: readonly KnownEvent[],
  { schemas }: ProjectSource,
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
