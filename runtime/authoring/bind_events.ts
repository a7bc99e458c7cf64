import { z } from "zod";
import type { EventDefinition } from "./define_event.ts";
import { exportsOf, type LoadedModule } from "./loaded_module.ts";
import type { StreamMap } from "./streams.ts";

/** The events of a project. */
export interface ProjectEvents {
  /** By type. */
  readonly events: ReadonlyMap<string, EventDefinition>;
  /** Every definition that `schemas/` exports, those with something wrong included: that is told once. */
  readonly exported: ReadonlySet<EventDefinition>;
}

/** The events that `schemas/` exports, by type; what is wrong with them is added to `problems`. */
export function bindEvents(
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
    const home = streams.streamFor(event.type);
    if (!home.ok) problems.push(`${where}: ${home.problem}`);
    events.set(event.type, event);
    origin.set(event.type, file);
  }
  return { events, exported };
}

function eventProblems(event: EventDefinition, routes: Map<string, string>): string[] {
  const problems: string[] = [];
  if (!Number.isInteger(event.version) || event.version < 1) {
    problems.push(`version ${JSON.stringify(event.version)} is not a whole number from 1`);
  }
  if (!(event.data instanceof z.ZodType)) problems.push(`data is not a zod schema`);
  else {
    try {
      z.toJSONSchema(event.data, { io: "input" });
    } catch (error) {
      problems.push(`its data cannot travel as JSON: ${(error as Error).message} (a time travels as z.iso.datetime())`);
    }
  }
  const known = ["kind", "type", "version", "data", "ingress"];
  const unknown = Object.keys(event).filter((key) => !known.includes(key));
  if (unknown.length > 0) problems.push(`unknown option ${unknown.join(", ")}`);
  const unknownIngress = Object.keys(event.ingress ?? {}).filter((key) => key !== "route");
  if (unknownIngress.length > 0) problems.push(`unknown option ingress.${unknownIngress.join(", ingress.")}`);
  const route = event.ingress?.route;
  if (route !== undefined) {
    if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(route) || /^\/(events|health)(\/|$)/.test(route)) {
      problems.push(`route ${JSON.stringify(route)} is not a path of its own, such as "/orders"`);
    } else if (routes.has(route)) problems.push(`route ${route} already belongs to ${routes.get(route)}`);
    routes.set(route, event.type);
  }
  return problems;
}
