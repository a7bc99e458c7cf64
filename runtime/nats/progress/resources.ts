import type { Namespace } from "../../core/namespace.ts";
import type { Registry } from "../../project/registry.ts";
import type { Resources } from "../topology/resources.ts";

/** The permission to hear what becomes of events that callers follow. Without it they see less, and later. */
export function progressResources({ events }: Registry, { tail }: Namespace): Resources {
  if (![...events.values()].some(({ ingress }) => ingress?.progress)) return {};
  return {
    permissions: [
      { action: "publish", subject: tail, purpose: "to tell callers the progress of their events", optional: true },
    ],
  };
}
