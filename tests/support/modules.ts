import { z } from "zod";
import { defineEvent, defineFunction, type EventDefinition } from "weir";
import type { LoadedModule } from "../../runtime/project/loaded_module.ts";
import { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { buildRegistry } from "../../runtime/project/registry.ts";

/** An event with a version and a schema, where neither matters. */
export function event<const Type extends string>(type: Type, options: object = {}): EventDefinition<Type> {
  return defineEvent({ type, version: 1, data: z.object({ orderId: z.string() }), ...options });
}

/** `schemas/NAME.ts` with these exports, in this order. */
export function schemas(name: string, ...values: unknown[]): LoadedModule {
  return { file: `schemas/${name}.ts`, exports: Object.fromEntries(values.map((value, i) => [`export${i}`, value])) };
}

/** `functions/NAME.ts` whose default export is a function with these options, whatever they are. */
export function fn(name: string, options: unknown, others: Record<string, unknown> = {}): LoadedModule {
  const given = { emits: [], ...options as object };
  return { file: `functions/${name}.ts`, exports: { default: defineFunction(given as never, () => {}), ...others } };
}

/** Everything that keeps these files from starting, line by line. */
export function problemsOf(schemas: readonly LoadedModule[], functions: readonly LoadedModule[] = []): string[] {
  try {
    buildRegistry(schemas, functions);
    return [];
  } catch (error) {
    if (error instanceof StartupProblems) return [...error.problems];
    throw error;
  }
}
