import type { EventDefinition } from "../api/define_event.ts";
import { type Namespace, NO_NAMESPACE } from "../core/namespace.ts";
import { covers } from "../core/subjects.ts";
import type { Registry } from "../project/registry.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";

/** The part of a project that a document describes. */
export interface Catalog {
  readonly title: string;
  /** Version of the project. */
  readonly version: string;
  readonly events: readonly EventDefinition[];
  readonly functions: readonly ResolvedFunction[];
  /** Returns the stream of a type, as NATS names it; undefined if none is declared. */
  readonly streamOf: (type: string) => string | undefined;
  /** The names in NATS. */
  readonly names: Namespace;
}

/** Version of a project whose `deno.json` has none: AsyncAPI and OpenAPI require one. */
export const NO_VERSION = "0.0.0";

/** Returns the catalog of a whole project. @param names The names in NATS. Default: without a namespace. */
export function catalogOf(registry: Registry, names: Namespace = NO_NAMESPACE): Catalog {
  const { project = "Events", version = NO_VERSION, events, functions, streams } = registry;
  const streamOf = (type: string) => {
    const name = events.get(type)?.stream ?? streams.find(({ subjects }) => subjects.some((one) => covers(one, type)))
      ?.name;
    return name === undefined ? undefined : names.stream(name);
  };
  return { title: project, version, events: [...events.values()], functions, streamOf, names };
}

/** Returns whether callers of the ingress may publish an event. That of a webhook comes from its sender alone. */
export function isOpen({ ingress }: EventDefinition): boolean {
  return ingress !== undefined && ingress.signature === undefined;
}

/** Returns what an outsider may see: the events that the ingress takes from the caller, and no function. */
export function publicPart(catalog: Catalog, mayPublish: (type: string) => boolean = () => true): Catalog {
  const events = catalog.events.filter((event) => isOpen(event) && mayPublish(event.type));
  return { ...catalog, events, functions: [] };
}
