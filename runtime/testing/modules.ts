import type { EventDefinition } from "../authoring/define_event.ts";
import type { FunctionDefinition } from "../authoring/define_function.ts";
import { buildRegistry, type Registry } from "../authoring/registry.ts";

/** A registry of just these functions, and of the events that they name besides those given. */
export function registryOf(functions: Record<string, FunctionDefinition>, declared: readonly unknown[] = []): Registry {
  const named = Object.values(functions).flatMap(({ options: { on, emits } }) => [
    ...(Array.isArray(on) ? on as readonly unknown[] : [on]),
    ...(emits ?? []),
  ]);
  const events = named.filter((trigger): trigger is EventDefinition => typeof trigger === "object");
  const definitions = [...new Set([...declared, ...events])];
  return buildRegistry(
    [{
      file: "schemas/test.ts",
      exports: Object.fromEntries(definitions.map((value, i) => [`definition${i}`, value])),
    }],
    Object.entries(functions).map(([name, fn]) => ({ file: `functions/${name}.ts`, exports: { default: fn } })),
  );
}
