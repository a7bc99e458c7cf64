import type { WeirEvent } from "../core/event.ts";
import { covers, isWildcard, overlaps, subjectProblem } from "../core/subjects.ts";
import type { HandlerContext } from "../api/context.ts";
import type { ProjectEvents } from "./resolve_events.ts";
import { type EventDefinition, parserOf } from "../api/define_event.ts";
import type { BoundSchema } from "../core/cloudevent.ts";
import type { ResourceDefinition } from "../api/define_resource.ts";
import type { FunctionDefinition, FunctionOptions } from "../api/define_function.ts";
import type { ScheduleTrigger } from "../api/schedule.ts";
import type { Trigger } from "../api/trigger.ts";
import type { Schedule } from "../core/schedule.ts";
import { resolveSchedule } from "./resolve_schedule.ts";
import type { LoadedModule } from "./loaded_module.ts";
import { type FunctionPolicy, resolvePolicy } from "./resolve_policy.ts";
import { functionNameProblem } from "../core/function_name.ts";
import { unknownType } from "./unknown_name.ts";
import { describeValue, unknownOption } from "./option_schemas.ts";
import { orderStreamsProblem } from "./order_policy.ts";
import type { StreamMap } from "./resolve_streams.ts";

/** One subject or pattern that a function listens to. */
export interface ResolvedTrigger {
  readonly pattern: string;
  readonly stream: string;
  /** Event of the subject. Default: none, for a raw pattern, whose data is not checked. */
  readonly event?: EventDefinition;
  /** Schedule whose ticks are published on the subject. Default: none. */
  readonly schedule?: Schedule;
}

export interface ResolvedFunction {
  readonly name: string;
  /** File that declares it, relative to the project. */
  readonly file: string;
  readonly triggers: readonly ResolvedTrigger[];
  readonly emits: readonly EventDefinition[];
  readonly policy: FunctionPolicy;
  /** Resources without which it does not pull. Default: none. */
  readonly needs?: readonly ResourceDefinition[];
  readonly handler: (event: WeirEvent, ctx: HandlerContext) => unknown;
}

/**
 * Returns the trigger of a function for a subject, or undefined if it does not listen to the subject.
 *
 * @param stream Stream of the message. Triggers on that stream come first, since other streams may store the same
 * subjects. Other triggers count too, since a retry may name the stream of an earlier release. Default: any.
 */
export function triggerFor(
  { triggers }: ResolvedFunction,
  subject: string,
  stream?: string,
): ResolvedTrigger | undefined {
  return triggers.find((one) => one.pattern === subject && one.stream === stream) ??
    triggers.find((one) => one.stream === stream && covers(one.pattern, subject)) ??
    triggers.find(({ pattern }) => pattern === subject) ??
    triggers.find(({ pattern }) => covers(pattern, subject));
}

/** Returns the schema that a trigger's data is checked against, or undefined for a raw pattern. */
export function schemaOf({ pattern: type, event }: ResolvedTrigger): BoundSchema | undefined {
  return event && { type, version: event.version, parse: parserOf(event), upcasts: event.upcasts };
}

/** Resolves the function that a file declares. Adds every fault to `problems`, and then returns undefined. */
export function resolveFunction(
  { file, exports }: LoadedModule,
  project: ProjectEvents,
  streams: StreamMap,
  problems: string[],
): ResolvedFunction | undefined {
  const problem = (text: string) => problems.push(`${file}: ${text}`);
  const before = problems.length;
  const definition = exports.default as FunctionDefinition | undefined;
  if (definition?.kind !== "function") {
    problem(explainDefaultExport(exports));
    return undefined;
  }
  if (typeof definition.options === "function") {
    problem("the arguments of defineFunction are swapped: the options come first, then the handler");
    return undefined;
  }
  const { name = nameOf(file), on, emits = [], needs = [] }: Partial<FunctionOptions> = definition.options ?? {};
  const nameProblem = functionNameProblem(name);
  if (nameProblem) problem(nameProblem);
  if (typeof definition.handler !== "function") {
    problem(
      `defineFunction needs a handler as its second argument, such as \`async (event, ctx) => { … }\`, ` +
        `not ${describeValue(definition.handler)}`,
    );
  }
  const resolved = resolvePolicy(definition.options);
  if (!resolved.ok) resolved.problems.forEach(problem);
  const triggers = resolveTriggers(name, on, project, streams, problem);
  const unordered = resolved.ok && resolved.policy.order && orderStreamsProblem(triggers.map(({ stream }) => stream));
  if (unordered) problem(unordered);
  const typed = triggers.find(({ event }) => event);
  if (typed && resolved.ok && resolved.policy.decode) {
    problem(
      `option decode: it is for raw subject patterns, and the schema of "${typed.pattern}" says what its data is: leave ` +
        "it out, or move the patterns to a function of their own",
    );
  }
  if (resolved.ok && resolved.policy.decode && triggers.some(({ schedule }) => schedule)) {
    problem(
      "option decode: it is for raw subject patterns, and the ticks of `cron` and `every` are JSON: leave it out",
    );
  }
  if (!Array.isArray(emits)) {
    problem("`emits` is not a list of events: put it in brackets, as in `emits: [OrderCreated]`");
  }
  for (const event of Array.isArray(emits) ? emits as readonly EventDefinition[] : []) {
    if (!project.exported.has(event)) problem(`emits ${unexported(event, project)}`);
  }
  const needed = needsProblem(needs);
  if (needed) problem(needed);
  if (problems.length > before || !resolved.ok) return undefined;
  const required = needs.length > 0 && { needs };
  return { name, file, triggers, emits, policy: resolved.policy, ...required, handler: definition.handler };
}

/** Returns why a value is no list of resources, or undefined. */
function needsProblem(needs: unknown): string | undefined {
  if (!Array.isArray(needs)) return "`needs` is not a list of resources: put it in brackets, as in `needs: [db]`";
  const wrong = needs.findIndex((one) => (one as ResourceDefinition | undefined)?.kind !== "resource");
  if (wrong < 0) return undefined;
  return `needs ${describeValue(needs[wrong])}, which is not a resource: make it with defineResource` +
    (needs[wrong] === undefined ? CIRCULAR : "");
}

function nameOf(file: string): string {
  return file.replace(/^.*\//, "").replace(/\.ts$/, "");
}

function resolveTriggers(
  functionName: string,
  on: Trigger | readonly Trigger[] | undefined,
  project: ProjectEvents,
  streams: StreamMap,
  problem: (text: string) => void,
): ResolvedTrigger[] {
  if (on === undefined) {
    problem(`\`on\` is missing: name the event that it handles, as in \`on: OrderCreated\`${CIRCULAR}`);
    return [];
  }
  const given = Array.isArray(on) ? on as readonly Trigger[] : [on as Trigger];
  if (given.length === 0) problem("`on` is empty: name at least one event, as in `on: OrderCreated`");
  const triggers: ResolvedTrigger[] = [];
  for (const one of given) {
    const read = isSchedule(one) ? readSchedule(functionName, one) : readTrigger(one, project);
    if (typeof read === "string") {
      problem(read);
      continue;
    }
    const { pattern, event } = read, invalid = subjectProblem(pattern);
    if (invalid) {
      problem(`"${pattern}" is not a subject pattern: ${invalid}`);
      continue;
    }
    if (!event && !read.schedule && read.stream === undefined && !isWildcard(pattern) && !pattern.includes(".")) {
      problem(unknownType(pattern, project.events.keys()));
      continue;
    }
    const home = read.schedule ? streams.forSchedules() : streams.homeOf(pattern, read.stream);
    const clash = triggers.find((other) =>
      overlaps(other.pattern, pattern) && (!home.ok || other.stream === home.stream)
    );
    if (clash) {
      problem(
        `its triggers "${clash.pattern}" and "${pattern}" overlap: it would handle an event twice; keep one of them`,
      );
    }
    if (!home.ok) problem(home.problem);
    else {
      const { schedule } = read;
      triggers.push({ pattern, stream: home.stream, ...(event && { event }), ...(schedule && { schedule }) });
    }
  }
  return triggers;
}

/** A trigger as its author gave it: an event or a raw pattern, and the name of a stream that Weir does not own. */
interface GivenTrigger {
  readonly pattern: string;
  readonly stream?: unknown;
  readonly event?: EventDefinition;
  readonly schedule?: Schedule;
}

function isSchedule(trigger: Trigger): trigger is ScheduleTrigger {
  return (trigger as ScheduleTrigger | null)?.kind === "schedule";
}

/** Returns the trigger of a schedule. Its subject names the function, since each function has ticks of its own. */
function readSchedule(functionName: string, trigger: ScheduleTrigger): GivenTrigger | string {
  const schedule = resolveSchedule(trigger);
  return typeof schedule === "string" ? schedule : { pattern: `schedules.${functionName}.${schedule.name}`, schedule };
}

/** Returns a trigger, or the fault in it. */
function readTrigger(trigger: Exclude<Trigger, ScheduleTrigger>, project: ProjectEvents): GivenTrigger | string {
  if (typeof trigger === "string") {
    const event = project.events.get(trigger);
    return event ? { pattern: trigger, stream: event.stream, event } : { pattern: trigger };
  }
  if (typeof trigger === "object" && trigger !== null && "pattern" in trigger) {
    const form = 'a pattern with its stream is `{ pattern: "legacy.>", stream: "LEGACY" }`';
    const unknown = Object.keys(trigger).filter((key) => !["pattern", "stream"].includes(key));
    if (unknown.length > 0) return `${unknownOption(unknown[0], "", ["pattern", "stream"])}: ${form}`;
    return typeof trigger.pattern === "string" && trigger.stream !== undefined
      ? trigger
      : `listens on ${describeValue(trigger)}: ${form}; a pattern in a stream of Weir's own is a text`;
  }
  if (!project.exported.has(trigger)) return `listens on ${unexported(trigger, project)}`;
  return { pattern: trigger.type, stream: trigger.stream, event: trigger };
}

/** Hint for an import that is undefined, since its file is still being evaluated. */
const CIRCULAR = " (what is undefined here may be a circular import: schemas/ must not import functions/)";

function unexported(event: unknown, { events }: ProjectEvents): string {
  if (event === undefined) return `undefined, not an event${CIRCULAR}`;
  const type = (event as EventDefinition | null)?.type;
  if ((event as EventDefinition | null)?.kind !== "event") {
    return `${describeValue(event)}, not an event: import one from schemas/, or make it with defineEvent`;
  }
  if (events.has(type!)) return `a second definition of "${type}": import the one that schemas/ exports`;
  return `"${type}", which no file in schemas/ exports: export it there`;
}

function explainDefaultExport(exports: LoadedModule["exports"]): string {
  const { default: given } = exports;
  const named = Object.keys(exports).find((name) => (exports[name] as FunctionDefinition | null)?.kind === "function");
  if (given === undefined && named) return `its function is the export "${named}": write \`export default\` instead`;
  if (given === undefined) {
    return "no default export: write `export default defineFunction(…)`, " +
      "or start the file's name with _ if it is a helper";
  }
  const what = "its default export is not a function of defineFunction(options, handler)";
  if (typeof given === "function") return `${what} but a plain one: write \`defineFunction({ on: … }, handler)\``;
  if (given instanceof Promise) return `${what} but a promise of something: leave out \`async\`, or await it`;
  const kind = (given as { kind?: unknown } | null)?.kind;
  return `${what} but ${typeof kind === "string" ? `one of kind "${kind}"` : describeValue(given)}`;
}
