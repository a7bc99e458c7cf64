import { AssertionError } from "node:assert";
import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { z } from "zod";
import type { EventDefinition } from "../api/define_event.ts";
import type { Outcome } from "../core/outcome.ts";
import { describeOutcome, failGiven } from "./describe_outcome.ts";
import type { Emitted } from "./invoke.ts";

/**
 * What has emitted something: what `invoke` returns, or an entry of what a test runtime has settled.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertAcked, assertNothingEmitted, type HasEmitted, invoke } from "weir/testing";
 *
 * function assertQuiet(from: HasEmitted) {
 *   assertAcked(from);
 *   assertNothingEmitted(from);
 * }
 * assertQuiet(await invoke(defineFunction({ on: "demo.asked" }, () => {}), {}));
 * ```
 */
export interface HasEmitted {
  /** What became of its event. */
  readonly outcome: Outcome;
  /** What was published. */
  readonly emitted: readonly Emitted[];
}

/**
 * An object of which only some is said, however deep; a list is said whole.
 *
 * @example
 * ```ts
 * import type { PartOf } from "weir/testing";
 *
 * interface Order {
 *   readonly id: string;
 *   readonly customer: { readonly name: string; readonly city: string };
 * }
 * export const fromBerlin: PartOf<Order> = { customer: { city: "Berlin" } };
 * ```
 */
export type PartOf<Data> = Data extends readonly unknown[] ? Data
  : Data extends object ? { readonly [Key in keyof Data]?: PartOf<Data[Key]> }
  : Data;

/**
 * An event of that type was emitted, with data that has at least what is given. Returns the first such.
 *
 * @throws {AssertionError} saying what was emitted instead.
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
  const wanted = partialData === undefined ? event.type : `${event.type} with ${inspect(partialData, { depth: 8 })}`;
  throw new AssertionError({
    message: `expected ${wanted} to be emitted, but ${describeEmitted(from)}`,
    // With one of its type there is just one thing to look at: what differs.
    ...(ofType.length === 1 && { actual: ofType[0].data, expected: partialData }),
    operator: "assertEmitted",
    stackStartFn: assertEmitted,
  });
}

/**
 * Nothing was emitted. That is so too when the handler failed: assert its outcome as well.
 *
 * @throws {AssertionError} saying what was.
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
    return `there was:${emitted.map(({ type, data }) => `\n  ${type} ${inspect(data, { depth: 8 })}`).join("")}`;
  }
  return `nothing was, and the event was ${describeOutcome(outcome)}`;
}

function isPart(data: unknown, part: unknown): boolean {
  // Only of a plain object is a part meant: a date or a map would have no part that differs.
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
