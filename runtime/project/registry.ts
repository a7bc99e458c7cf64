import { parseDuration } from "../core/duration.ts";
import { didYouMean } from "../core/did_you_mean.ts";
import { isWildcard } from "../core/subjects.ts";
import { cycleWarnings } from "./cycles.ts";
import type { DefiningModule } from "./load_definitions.ts";
import { configConflicts } from "./config_conflicts.ts";
import { resolveConfigs, type ResolvedConfig } from "./resolve_configs.ts";
import { resolveEvents } from "./resolve_events.ts";
import { replyProblems } from "./resolve_replies.ts";
import { webhookConfigs } from "./resolve_webhooks.ts";
import { type ResolvedFunction, resolveFunction } from "./resolve_function.ts";
import type { FunctionDefinition } from "../api/define_function.ts";
import { resolvePolicy } from "./resolve_policy.ts";
import { RESERVED_CHECK, type ResolvedResource, resolveResources } from "./resolve_resources.ts";
import type { EventDefinition } from "../api/define_event.ts";
import { HEALTH_CHECK_TIMEOUT, type HealthCheckDefinition } from "../api/define_health_check.ts";
import type { StreamDefinition } from "../api/define_stream.ts";
import { exportsOf, type LoadedModule } from "./loaded_module.ts";
import { unknownOption } from "./option_schemas.ts";
import { oneOf, StartupProblems } from "./startup_problems.ts";
import { type ResolvedStream, StreamMap } from "./resolve_streams.ts";

/** Declarations of a project, checked as a whole. */
export interface Registry {
  /** Name of the project, from its `deno.json`; undefined without a name. */
  readonly project?: string;
  /** Version of the project, from its `deno.json`; undefined without one. */
  readonly version?: string;
  readonly functions: readonly ResolvedFunction[];
  readonly events: ReadonlyMap<string, EventDefinition>;
  readonly streams: readonly ResolvedStream[];
  /** Names of the streams that Weir does not own. Default: none. */
  readonly foreignStreams?: readonly string[];
  /** Allowed declarations that are probably mistakes. */
  readonly warnings: readonly string[];
  readonly healthChecks: readonly {
    name: string;
    timeoutMs: number;
    check: HealthCheckDefinition["check"];
    /** Names of the functions whose files export it. */
    functions: readonly string[];
  }[];
  readonly resources: readonly ResolvedResource[];
  readonly configs: readonly ResolvedConfig[];
}

/**
 * Builds the registry of a project's files.
 *
 * @param definitions Modules that declare resources or variables, apart from the functions' own modules. Default: none.
 * @throws {StartupProblems} naming every mistake in them at once
 */
export function buildRegistry(
  schemas: readonly LoadedModule[],
  functions: readonly LoadedModule[],
  definitions: readonly DefiningModule[] = [],
): Registry {
  const problems: string[] = [];
  const streams = new StreamMap();
  for (const { file, value } of exportsOf<StreamDefinition>(schemas, "stream")) {
    problems.push(...streams.declare(value, file).map((problem) => `${file}: ${problem}`));
  }
  const project = resolveEvents(schemas, streams, problems), { events } = project;
  problems.push(...replyProblems(events, project.files));
  const resolved = functions.flatMap((module) => resolveFunction(module, project, streams, problems) ?? []);
  checkNames(resolved, problems);
  checkDependencies(functions, problems);
  const healthChecks = resolveHealthChecks(functions, resolved, problems);
  const defining = [...definitions, ...functions.map((module) => ({ ...module, functions: [module.file] }))];
  const resources = resolveResources(defining, resolved, problems),
    configs = [...resolveConfigs(defining, resolved, problems), ...webhookConfigs(project)];
  problems.push(...configConflicts(configs));
  for (const { name, file } of resources.filter(({ name }) => healthChecks.some((check) => check.name === name))) {
    problems.push(`${file}: resource ${name}: a health check has that name: rename one of them`);
  }
  if (problems.length > 0) throw new StartupProblems(problems);
  const warnings = [...unknownTypes(resolved, events), ...cycleWarnings(resolved)];
  const foreignStreams = streams.foreign();
  return {
    functions: resolved,
    events,
    streams: streams.all(),
    foreignStreams,
    warnings,
    healthChecks,
    resources,
    configs,
  };
}

/**
 * Returns the subjects of a project's streams. For a stream that Weir does not own, these are the subjects of its
 * events and triggers.
 */
export function subjectsOf(
  { streams, foreignStreams = [], events, functions = [] }:
    & Pick<Registry, "streams" | "foreignStreams" | "events">
    & Partial<Pick<Registry, "functions">>,
): string[] {
  const triggers = functions.flatMap((fn) => fn.triggers).filter(({ stream }) => foreignStreams.includes(stream));
  const foreign = [...events.values()].filter(({ stream }) => stream !== undefined).map(({ type }) => type);
  return [
    ...streams.flatMap(({ subjects }) => subjects),
    ...new Set([...foreign, ...triggers.map(({ pattern }) => pattern)]),
  ];
}

/**
 * Warns of a trigger that no event declares, if its type is near a declared one or shares its first token. A plain NATS
 * publisher may use such a subject.
 */
function unknownTypes(functions: readonly ResolvedFunction[], events: ReadonlyMap<string, EventDefinition>): string[] {
  return functions.flatMap(({ file, triggers }) =>
    triggers.filter(({ pattern, event, schedule }) => !event && !schedule && !isWildcard(pattern)).flatMap(
      ({ pattern }) => {
        const [first] = pattern.split(".");
        const meant = didYouMean(pattern, events.keys());
        const near = [...events.keys()].filter((type) => type.startsWith(`${first}.`));
        if (meant === "" && near.length === 0) return [];
        return [`${file}: no event has the type "${pattern}"${meant || `; there are ${oneOf(near)}`}`];
      },
    )
  );
}

/** Refuses names that are equal, or differ only in case, which many file systems and tools treat as equal. */
function checkNames(functions: readonly ResolvedFunction[], problems: string[]): void {
  const seen = new Map<string, ResolvedFunction>();
  for (const fn of functions) {
    const key = fn.name.toLowerCase(), first = seen.get(key);
    if (first === undefined) seen.set(key, fn);
    else {
      const difference = first.name === fn.name ? "" : ", apart from upper and lower case";
      problems.push(`${fn.file}: its name ${fn.name} is that of ${first.file}${difference}: rename one of them`);
    }
  }
}

function checkDependencies(functions: readonly LoadedModule[], problems: string[]): void {
  const seen = new Map<string, { file: string; policy: string }>();
  for (const { file, exports } of functions) {
    const definition = exports.default as FunctionDefinition | undefined;
    const resolved = definition?.kind === "function" ? resolvePolicy(definition.options) : undefined;
    for (const [name, breaker] of Object.entries(resolved?.ok ? resolved.policy.dependencies : {})) {
      const policy = JSON.stringify(breaker);
      const first = seen.get(name);
      if (!first) seen.set(name, { file, policy });
      else if (first.policy !== policy) {
        problems.push(
          `${file}: dependency ${name} has another breaker in ${first.file}: ` +
            `a dependency has one breaker; give both the same options`,
        );
      }
    }
  }
}

const HEALTH_CHECK_KEYS = ["kind", "check", "name", "timeout"];

/** A check belongs to the functions of the files that export it: several files may export one and the same. */
function resolveHealthChecks(
  functions: readonly LoadedModule[],
  resolved: readonly ResolvedFunction[],
  problems: string[],
): Registry["healthChecks"] {
  const checks = new Map<string, Registry["healthChecks"][number]>();
  for (const { file, value } of exportsOf<HealthCheckDefinition>(functions, "health-check")) {
    if (typeof value.name !== "string" || value.name === "" || typeof value.check !== "function") {
      problems.push(`${file}: a health check is declared as \`defineHealthCheck({ name: "…" }, check)\``);
      continue;
    }
    for (const key of Object.keys(value).filter((key) => !HEALTH_CHECK_KEYS.includes(key))) {
      problems.push(`${file}: health check ${value.name}: ${unknownOption(key, "", ["name", "timeout"])}`);
    }
    const timeoutMs = parseDuration(value.timeout ?? HEALTH_CHECK_TIMEOUT);
    if (timeoutMs === undefined || timeoutMs === 0) {
      problems.push(`${file}: health check ${value.name}: its timeout is not a duration above zero`);
    } else if (RESERVED_CHECK.test(value.name)) {
      problems.push(`${file}: health check ${value.name}: that name is reserved for a check of Weir's own`);
    } else {
      const { name, check } = value, first = checks.get(name);
      if (first && first.check !== check) problems.push(`${file}: health check ${name} is declared twice`);
      const own = resolved.filter((fn) => fn.file === file).map((fn) => fn.name);
      checks.set(name, { name, timeoutMs, check, functions: [...first?.functions ?? [], ...own] });
    }
  }
  return [...checks.values()];
}
