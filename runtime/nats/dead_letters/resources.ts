import { countPermissions, deletePermissions, publish, scanPermissions } from "../topology/permissions.ts";
import type { Resources } from "../topology/resources.ts";
import { DEAD_LETTERS } from "./dead_letters.ts";

/** The stream of dead letters. It has no age limit: a dead letter stays until it is redriven or discarded. */
export const DEAD_LETTER_RESOURCES: Resources = {
  streams: [{ name: DEAD_LETTERS.stream, subjects: DEAD_LETTERS.subjects, initial: { max_age: 0 } }],
  permissions: [
    ...publish("to store dead letters", ...DEAD_LETTERS.subjects),
    ...countPermissions(DEAD_LETTERS.stream),
    ...scanPermissions(DEAD_LETTERS.stream),
    ...deletePermissions(DEAD_LETTERS.stream),
  ],
};
