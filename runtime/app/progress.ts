import { covers } from "../core/subjects.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { Progress } from "../http/progress.ts";
import type { Registry } from "../project/registry.ts";
import type { ListenerOptions } from "./listeners.ts";
import { selectFunctions } from "./select_functions.ts";

/** Creates what answers requests for the progress of events. Resolves to undefined if this process answers none. */
export async function createProgress(
  { config, registry, cluster, clock, authentication }: ListenerOptions,
): Promise<Progress | undefined> {
  const { events, functions } = registry, followed = [...events.values()].filter(({ ingress }) => ingress?.progress);
  if (followed.length === 0 || !config.WEIR_ROLES.includes("ingress")) return undefined;
  // Loaded here: most projects have no such event.
  const { EventProgress } = await import("../nats/progress/event_progress.ts");
  const { Progress } = await import("../http/progress.ts");
  const emitted = selectFunctions(config, registry).flatMap(({ emits }) => emits.map(({ type }) => type));
  const mayPublish = (type: string) => emitted.includes(type) || events.get(type)?.ingress !== undefined;
  const types = new Map(followed.flatMap(({ type }) => {
    const stream = streamOf(registry, type);
    return stream === undefined ? [] : [[type, stream] as const];
  }));
  const { nc, jsm, names, messages } = cluster, found = { nc, jsm, names, messages: messages.failFast };
  const source = new EventProgress(found, { types, functions, mayPublish }, systemClock);
  return new Progress({ ...authentication, events, source, clock });
}

function streamOf({ events, streams }: Registry, type: string): string | undefined {
  const own = streams.find(({ subjects }) => subjects.some((subject) => covers(subject, type)));
  return events.get(type)?.stream ?? own?.name;
}
