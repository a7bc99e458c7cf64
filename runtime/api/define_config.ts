import type { z } from "zod";
import type { AnySchema } from "./define_event.ts";
import { providedValue } from "./provided_values.ts";

/** Variables of a project, as {@linkcode defineConfig} returns them. */
export interface ConfigDefinition<Schema extends AnySchema = AnySchema> {
  /** Distinguishes it from other exports. */
  readonly kind: "config";
  /** Schema with a field for each variable. */
  readonly schema: Schema;
  /**
   * Returns the values, as the schema's output.
   *
   * @throws {Error} while modules load: the variables are read once all are loaded
   */
  get(): z.output<Schema>;
}

let anyDefined = false;

/** Returns whether this process has declared variables. If it has not, no module needs to be searched for them. */
export function definesConfig(): boolean {
  return anyDefined;
}

/**
 * Declares environment variables that functions read. Export it as a resource is exported. `start` checks them together
 * with Weir's own, and names every problem at once, without a value. An empty variable counts as unset. A field with
 * `.meta({ secret: true })` may be given as `NAME_FILE` instead, the path of a file that holds it, and its value is
 * removed from logs, spans, dead letters and health.
 *
 * @example
 * ```ts
 * import { defineConfig, defineFunction } from "weir";
 * import { z } from "zod";
 *
 * export const config = defineConfig(z.object({
 *   PAYMENT_URL: z.url().describe("payment service"),
 *   PAYMENT_RETRIES: z.coerce.number().default(3),
 *   PAYMENT_KEY: z.string().meta({ secret: true }),
 * }));
 *
 * export default defineFunction({ on: "demo.asked" }, async (event, { signal }) => {
 *   const { PAYMENT_URL, PAYMENT_KEY } = config.get();
 *   await fetch(PAYMENT_URL, { headers: { authorization: `Bearer ${PAYMENT_KEY}` }, body: event.id, signal });
 * });
 * ```
 */
export function defineConfig<Schema extends AnySchema>(schema: Schema): ConfigDefinition<Schema> {
  anyDefined = true;
  const definition: ConfigDefinition<Schema> = {
    kind: "config",
    schema,
    get: () => {
      const provided = providedValue(definition);
      if (provided) return provided.value as z.output<Schema>;
      throw new Error(NOT_READ);
    },
  };
  return definition;
}

const NOT_READ =
  "the variables of defineConfig are read once all modules are loaded: call `get()` in a handler, or in " +
  "the `open` of a resource, not at the top of a module, and export the declaration";
