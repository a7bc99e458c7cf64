import { covers } from "../../core/subjects.ts";
import type { Registry } from "../../project/registry.ts";
import { publish, scanPermissions } from "../topology/permissions.ts";
import type { Resources } from "../topology/resources.ts";

/** Returns the streams that store a project's events, and the permissions to publish them. */
export function eventResources({ streams, events, functions }: Registry): Resources {
  const emitted = functions.flatMap(({ emits }) => emits.map(({ type }) => type));
  const ingress = [...events.values()].filter((event) => event.ingress).map(({ type }) => type);
  // A late repeat of an emitted event is looked up in the stream of its type.
  const scanned = streams.filter(({ subjects }) =>
    emitted.some((type) => subjects.some((subject) => covers(subject, type)))
  );
  return {
    streams,
    permissions: [
      ...publish("to store events", ...new Set([...emitted, ...ingress])),
      ...publish("to find the stream of a subject", "$JS.API.STREAM.NAMES"),
      ...scanPermissions(...scanned.map(({ name }) => name)),
    ],
  };
}
