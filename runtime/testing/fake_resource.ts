import type { ResourceDefinition } from "../api/define_resource.ts";

/** A resource and its value in a test, as {@linkcode fakeResource} returns them. */
export interface ResourceFake {
  /** Resource that the value replaces. */
  readonly resource: ResourceDefinition;
  /** Value that its `get()` returns. */
  readonly value: unknown;
}

/** Value of a fake: the parts that the function under test uses, or any function in place of one. */
type FakeValue<Value> = Value extends (...args: never[]) => unknown ? (...args: never[]) => unknown : Partial<Value>;

/**
 * Replaces a resource in a test: its `open`, `close` and `check` are not called. Give the parts of the value that the
 * function uses; the compiler checks their types.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction, defineResource } from "weir";
 * import { assertAcked, fakeResource, invoke } from "weir/testing";
 *
 * const bank = defineResource({
 *   name: "bank",
 *   open: () => ({ charge: (id: string) => fetch("https://bank.example", { method: "POST", body: id }) }),
 * });
 * const pay = defineFunction({ on: "demo.ordered" }, async (event, ctx) => {
 *   await ctx.use(bank).charge(event.id);
 * });
 *
 * const charged: string[] = [];
 * const fake = fakeResource(bank, { charge: (id) => Promise.resolve(new Response(String(charged.push(id)))) });
 * assertAcked(await invoke(pay, {}, { resources: [fake] }));
 * assert.deepEqual(charged, ["test-event"]);
 * ```
 */
export function fakeResource<Value>(
  resource: ResourceDefinition<Value>,
  value: NoInfer<FakeValue<Value>>,
): ResourceFake {
  return { resource: resource as ResourceDefinition, value };
}

/** Returns the value of each resource that a test replaces. */
export function fakesOf(fakes: readonly ResourceFake[] = []): Map<ResourceDefinition, unknown> {
  return new Map(fakes.map(({ resource, value }) => [resource, value]));
}
