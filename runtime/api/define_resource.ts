import type { Duration } from "../core/duration.ts";
import { providedValue } from "./provided_values.ts";

/** Options of {@linkcode defineResource}. The defaults are in {@linkcode RESOURCE_DEFAULTS}. */
export interface ResourceOptions<Value> {
  /** Name of the resource in errors, logs and `/health`. */
  readonly name: string;
  /**
   * Opens the resource. The signal aborts at the timeout, and if the process stops meanwhile. A value that `open` still
   * returns after that is closed at once.
   */
  open(signal: AbortSignal): Value | Promise<Value>;
  /** Closes the resource, once no handler runs any more. Default: nothing. */
  close?(value: NoInfer<Value>): unknown;
  /**
   * Throws, or returns false, if the resource cannot be used now. `/health` has the check under the resource's name.
   * The signal aborts after two seconds. Default: no check.
   */
  check?(value: NoInfer<Value>, signal: AbortSignal): unknown;
  /**
   * Longest duration of `open`.
   *
   * @default {"10s"}
   */
  readonly timeout?: Duration;
}

/** A resource, as {@linkcode defineResource} returns it. */
export interface ResourceDefinition<Value = unknown> extends ResourceOptions<Value> {
  /** Distinguishes it from other exports. */
  readonly kind: "resource";
  /**
   * Returns the value that `open` returned.
   *
   * @throws {Error} if the resource is not open: while modules load, and after the last handler
   */
  get(): Value;
}

/**
 * Defaults of a resource. `timeout` bounds `open`; `close` and `check` have fixed bounds.
 *
 * @example
 * ```ts
 * import { defineResource, RESOURCE_DEFAULTS } from "weir";
 *
 * export const cache = defineResource({
 *   name: "cache",
 *   open: () => new Map<string, string>(),
 *   timeout: RESOURCE_DEFAULTS.timeout,
 * });
 * ```
 */
export const RESOURCE_DEFAULTS = {
  timeout: "10s", // below the time that `dev` gives a start
  close: "3s", // within the margin that a supervisor and `dev` leave after the grace of a shutdown
  check: "2s",
} as const satisfies Readonly<Record<string, Duration>>;

let anyDefined = false;

/** Returns whether this process has defined a resource. If it has not, no module needs to be searched for resources. */
export function definesResources(): boolean {
  return anyDefined;
}

/**
 * Declares something with a lifetime that functions use, such as a pool of connections. Export it from the file of a
 * function, or from a file that functions import, such as `functions/_db.ts`. A process opens the resources of the
 * functions that it runs before it pulls an event, all at once, and closes them after the last handler.
 *
 * @example
 * ```ts
 * import { defineFunction, defineResource } from "weir";
 *
 * export const cache = defineResource({
 *   name: "cache",
 *   open: () => new Map<string, number>(), // or a promise, such as that of a pool that has connected
 *   close: (cache) => cache.clear(),
 * });
 *
 * export default defineFunction({ on: "demo.asked" }, (event, ctx) => {
 *   ctx.use(cache).set(event.id, ctx.attempt); // or cache.get(), also outside of a handler
 * });
 * ```
 */
export function defineResource<Value>(options: ResourceOptions<Value>): ResourceDefinition<Value> {
  anyDefined = true;
  const definition: ResourceDefinition<Value> = {
    ...options,
    kind: "resource",
    get: () => {
      const provided = providedValue(definition);
      if (provided) return provided.value as Value;
      throw new Error(`resource ${JSON.stringify(options.name)} is not open: ${NOT_OPEN}`);
    },
  };
  return definition;
}

const NOT_OPEN =
  "a process opens what its functions export, import from a file of theirs that exports it, or list in " +
  "`needs`, once all modules are loaded. In a test, give `resources: [fakeResource(…)]`";
