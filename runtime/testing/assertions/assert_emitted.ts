import { AssertionError } from "node:assert";
import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { z } from "zod";
import type { EventDefinition } from "../../api/define_event.ts";
import type { Outcome } from "../../core/outcome.ts";
import { describeOutcome, failGiven } from "./assert_outcome.ts";
import type { Emitted } from "../invoke.ts";

/** A value with emitted events: the result of `invoke`, or an entry of a test runtime's `settled`. */
export interface HasEmitted {
  /** The outcome of the delivery. */
  readonly outcome: Outcome;
  /** The events that the function emitted. */
  readonly emitted: readonly Emitted[];
}

/** Some of an object's fields, at every depth. A list must be complete. */
export type PartOf<Data> = Data extends readonly unknown[] ? Data
  : Data extends object ? { readonly [Key in keyof Data]?: PartOf<Data[Key]> }
  : Data;

/**
 * Asserts that an event of a type was emitted, and that its data has the given fields. Returns the first such event.
 *
 * @throws {AssertionError} with the events that were emitted instead.
 *
 * @example
 * ```ts
 * import { defineEvent, defineFunction } from "weir";
 * import { assertEmitted, invoke } from "weir/testing";
 * import { z } from "zod";
 *
 * const Greeted = defineEvent({ type: "demo.greeted", version: 1, data: z.object({ text: z.string(), n: z.int() }) });
 * const greet = defineFunction({ on: "demo.asked", emits: [Greeted] }, (_event, ctx) => {
 *   ctx.emit(Greeted, { text: "Hello", n: 1 });
 * });
 * assertEmitted(await invoke(greet, {}), Greeted, { text: "Hello" });
 * ```
 */
export function assertEmitted<Event extends EventDefinition>(
  from: HasEmitted,
  event: Event,
  partialData?: PartOf<z.input<Event["data"]>>,
): Emitted & { readonly data: z.input<Event["data"]> } {
  if (!from?.emitted) failGiven(from, assertEmitted);
  const ofType = from.emitted.filter(({ type }) => type === event.type);
  const found = ofType.find(({ data }) => partialData === undefined || isPart(data, partialData));
  if (found) return found as Emitted & { readonly data: z.input<Event["data"]> };
  const expected = partialData === undefined ? event.type : `${event.type} with ${inspect(partialData, { depth: 8 })}`;
  throw new AssertionError({
    message: `expected ${expected} to be emitted, but ${describeEmitted(from)}`,
    // If a single event of the type was emitted, it is probably the expected event: show how the data differs.
    ...(ofType.length === 1 && { actual: ofType[0].data, expected: partialData }),
    operator: "assertEmitted",
    stackStartFn: assertEmitted,
  });
}

/**
 * Asserts that nothing was emitted. A handler that failed emits nothing either, so assert the outcome as well.
 *
 * @throws {AssertionError} with the events that were emitted.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertNothingEmitted, invoke } from "weir/testing";
 *
 * assertNothingEmitted(await invoke(defineFunction({ on: "demo.asked" }, () => {}), {}));
 * ```
 */
export function assertNothingEmitted(from: HasEmitted): void {
  if (!from?.emitted) failGiven(from, assertNothingEmitted);
  if (from.emitted.length === 0) return;
  throw new AssertionError({
    message: `expected nothing to be emitted, but ${describeEmitted(from)}`,
    actual: from.emitted,
    expected: [],
    operator: "assertNothingEmitted",
    stackStartFn: assertNothingEmitted,
  });
}

function describeEmitted({ emitted, outcome }: HasEmitted): string {
  if (emitted.length > 0) {
    const lines = emitted.map(({ type, data }) => `\n  ${type} ${inspect(data, { depth: 8 })}`);
    return `these events were:${lines.join("")}`;
  }
  return `nothing was, and the event was ${describeOutcome(outcome)}`;
}

/** Compares plain objects field by field and everything else whole: a date or a map has no fields to compare. */
function isPart(data: unknown, part: unknown): boolean {
  if (part === null || typeof part !== "object" || ![Object.prototype, null].includes(Object.getPrototypeOf(part))) {
    try {
      assert.deepStrictEqual(data, part);
      return true;
    } catch {
      return false;
    }
  }
  return typeof data === "object" && data !== null &&
    Object.entries(part).every(([key, value]) => isPart((data as Record<string, unknown>)[key], value));
}
