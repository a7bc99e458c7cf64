import { z } from "zod";
import { defineEvent, defineFunction, type EventDefinition } from "weir";
import type { LoadedModule } from "../../runtime/project/loaded_module.ts";
import { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { buildRegistry } from "../../runtime/project/registry.ts";

/** Returns an event with some version and schema. */
export function event<const Type extends string>(type: Type, options: object = {}): EventDefinition<Type> {
  return defineEvent({ type, version: 1, data: z.object({ orderId: z.string() }), ...options });
}

/** Returns the module `schemas/NAME.ts` with these exports, in this order. */
export function schemas(name: string, ...values: unknown[]): LoadedModule {
  return { file: `schemas/${name}.ts`, exports: Object.fromEntries(values.map((value, i) => [`export${i}`, value])) };
}

/** Returns the module `functions/NAME.ts` with a function of these options, valid or not. */
export function fn(name: string, options: unknown, others: Record<string, unknown> = {}): LoadedModule {
  const given = { emits: [], ...options as object };
  return { file: `functions/${name}.ts`, exports: { default: defineFunction(given as never, () => {}), ...others } };
}

/** Returns the startup problems of these modules. */
export function problemsOf(schemas: readonly LoadedModule[], functions: readonly LoadedModule[] = []): string[] {
  try {
    buildRegistry(schemas, functions);
    return [];
  } catch (error) {
    if (error instanceof StartupProblems) return [...error.problems];
    throw error;
  }
}
