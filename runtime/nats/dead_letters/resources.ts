import type { Namespace } from "../../core/namespace.ts";
import { countPermissions, deletePermissions, publish, scanPermissions } from "../topology/permissions.ts";
import type { Resources } from "../topology/resources.ts";

/** The stream of dead letters. It has no age limit: a dead letter stays until it is redriven or discarded. */
export function deadLetterResources({ deadLetters: { stream, subjects } }: Namespace): Resources {
  return {
    streams: [{ name: stream, subjects, initial: { max_age: 0 } }],
    permissions: [
      ...publish("to store dead letters", ...subjects),
      ...countPermissions(stream),
      ...scanPermissions(stream),
      ...deletePermissions(stream),
    ],
  };
}
