import type { DeadLetters } from "../../runtime/http/dead_letter_routes.ts";
import type { Parked } from "../../runtime/http/parked_routes.ts";

/** Dead letters of which there are none. */
export const NO_DEAD_LETTERS: DeadLetters = {
  async *list() {},
  read: () => Promise.resolve(undefined),
  redrive: () => Promise.resolve("missing"),
  redriveAll: () =>
    Promise.resolve({ redriven: 0, "held-back": 0, "no-function": 0, "too-large": 0, missing: 0, failed: 0 }),
  discard: () => Promise.resolve(false),
};

/** Parked events of which there are none. */
export const NO_PARKED: Parked = { async *list() {}, cancel: () => Promise.resolve(false) };
