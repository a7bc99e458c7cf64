import type { z } from "zod";
import { upcastsProblem } from "../core/upcast.ts";
import { hasAsyncCheck } from "./async_check.ts";
import { dataProblem } from "./data_problem.ts";
import type { EventDefinition } from "../api/define_event.ts";
import { unknownOption } from "./option_schemas.ts";
import { exportsOf, type LoadedModule } from "./loaded_module.ts";
import type { StreamMap } from "./resolve_streams.ts";
import { INGRESS_OPTIONS, ingressProblems } from "./resolve_webhooks.ts";

export interface ProjectEvents {
  readonly events: ReadonlyMap<string, EventDefinition>;
  /** Every definition that `schemas/` exports, faulty ones included, so that a fault is reported once. */
  readonly exported: ReadonlySet<EventDefinition>;
  /** File that declares each type, relative to the project. */
  readonly files: ReadonlyMap<string, string>;
}

/** Resolves the events that `schemas/` exports, by type. Adds every fault to `problems`. */
export function resolveEvents(
  schemas: readonly LoadedModule[],
  streams: StreamMap,
  problems: string[],
): ProjectEvents {
  const exported = new Set<EventDefinition>();
  const events = new Map<string, EventDefinition>();
  const origin = new Map<string, string>();
  const routes = new Map<string, string>();
  for (const { file, value: event } of exportsOf<EventDefinition>(schemas, "event")) {
    if (events.get(event.type) === event) continue; // the same definition, exported again
    exported.add(event);
    const where = `${file}: event ${JSON.stringify(event.type)}`;
    if (typeof event.type !== "string" || !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/.test(event.type)) {
      problems.push(
        `${where}: a type is two or more tokens of letters, digits, _ and -, such as "orders.created"`,
      );
      continue;
    }
    if (events.has(event.type)) {
      problems.push(`${where} is already declared in ${origin.get(event.type)}: a type has one definition`);
      continue;
    }
    problems.push(...eventProblems(event, routes).map((problem) => `${where}: ${problem}`));
    const home = streams.homeOf(event.type, event.stream);
    if (!home.ok) problems.push(`${where}: ${home.problem}`);
    events.set(event.type, event);
    origin.set(event.type, file);
  }
  return { events, exported, files: origin };
}

const OPTIONS = [
  "type",
  "version",
  "data",
  "upcasts",
  "stream",
  "ingress",
  ...INGRESS_OPTIONS.map((name) => `ingress.${name}`),
];

function eventProblems(event: EventDefinition, routes: Map<string, string>): string[] {
  const problems: string[] = [];
  if (!Number.isInteger(event.version) || event.version < 1) {
    problems.push(`version ${JSON.stringify(event.version)} is not a whole number from 1`);
  }
  const upcasts = event.upcasts === undefined ? undefined : upcastsProblem(event.upcasts, event.version);
  if (upcasts) problems.push(`upcasts: ${upcasts}`);
  const unsuitable = dataProblem(event.data);
  if (unsuitable) problems.push(unsuitable);
  else if (hasAsyncCheck(event.data as z.ZodType)) {
    problems.push(
      "its data has an async refine, transform or promise, but is parsed synchronously: check it in a function",
    );
  }
  for (const key of Object.keys(event)) {
    if (key !== "kind" && !OPTIONS.includes(key)) problems.push(unknownOption(key, "", OPTIONS));
  }
  for (const key of Object.keys(event.ingress ?? {})) {
    if (!INGRESS_OPTIONS.includes(key)) problems.push(unknownOption(key, "ingress", OPTIONS));
  }
  problems.push(...ingressProblems(event.ingress ?? {}));
  const route = event.ingress?.route;
  if (route !== undefined) {
    if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(route) || /^\/(events|health)(\/|$)/.test(route)) {
      problems.push(`route ${JSON.stringify(route)} is not a path of its own, such as "/orders"`);
    } else if (routes.has(route)) problems.push(`route ${route} already belongs to ${routes.get(route)}`);
    routes.set(route, event.type);
  }
  return problems;
}
