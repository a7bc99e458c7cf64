import type { EventDefinition } from "../api/define_event.ts";
import type { FunctionDefinition } from "../api/define_function.ts";
import { buildRegistry, type Registry } from "../project/registry.ts";

/** A registry of just these functions, and of the events that they name besides those given. */
export function registryOf(functions: Record<string, FunctionDefinition>, declared: readonly unknown[] = []): Registry {
  // What is wrong with a function is told below, with what to do.
  const named = Object.values(functions).flatMap((fn?: Partial<FunctionDefinition>) => {
    const { on, emits }: Partial<FunctionDefinition["options"]> = fn?.options ?? {};
    return [...(Array.isArray(on) ? on as readonly unknown[] : [on]), ...(Array.isArray(emits) ? emits : [])];
  });
  const events = named.filter((one): one is EventDefinition => (one as EventDefinition | null)?.kind === "event");
  const definitions = [...new Set([...declared, ...events])];
  return buildRegistry(
    [{
      file: "schemas/test.ts",
      exports: Object.fromEntries(definitions.map((value, i) => [`definition${i}`, value])),
    }],
    Object.entries(functions).map(([name, fn]) => ({ file: `functions/${name}.ts`, exports: { default: fn } })),
  );
}
