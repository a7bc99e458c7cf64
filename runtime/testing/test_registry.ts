import type { EventDefinition } from "../api/define_event.ts";
import type { FunctionDefinition } from "../api/define_function.ts";
import { definedAt } from "../api/defined_at.ts";
import { PROJECT } from "../project/load_project.ts";
import { type DefiningModule, loadUsed } from "../project/load_definitions.ts";
import { buildRegistry, type Registry } from "../project/registry.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import { StartupProblems } from "../project/startup_problems.ts";

/**
 * Builds a registry from functions, the events that they name, and further schemas.
 *
 * @param definitions Modules that declare resources and variables of the functions. Default: none.
 */
export function registryOf(
  functions: Record<string, FunctionDefinition>,
  schemas: readonly unknown[] = [],
  definitions: readonly DefiningModule[] = [],
): Registry {
  // A function of the wrong shape is skipped here: `buildRegistry` reports it with the way to fix it.
  const named = Object.values(functions).flatMap((fn?: Partial<FunctionDefinition>) => {
    const { on, emits }: Partial<FunctionDefinition["options"]> = fn?.options ?? {};
    return [...(Array.isArray(on) ? on as readonly unknown[] : [on]), ...(Array.isArray(emits) ? emits : [])];
  });
  const events = named.filter((one): one is EventDefinition => (one as EventDefinition | null)?.kind === "event");
  const declared = [...new Set([...schemas, ...events])];
  return buildRegistry(
    [{
      file: "schemas/test.ts",
      exports: Object.fromEntries(declared.map((value, i) => [`definition${i}`, value])),
    }],
    Object.entries(functions).map(([name, fn]) => ({ file: fileOf(name), exports: { default: fn } })),
    definitions,
  );
}

/**
 * Loads the resources and variables of some functions: those that their files in `functions/` export or import. A
 * function that a test defines has only the resources in its `needs`.
 *
 * @throws {StartupProblems} naming each file that cannot be loaded
 */
export async function definitionsOf(functions: Record<string, FunctionDefinition>): Promise<DefiningModule[]> {
  const problems: string[] = [];
  const loaded = await Promise.all(
    Object.entries(functions).map(async ([name, fn]) => {
      const defined = fileNameOf(fn);
      return defined === undefined ? [] : await loadUsed(PROJECT, fileOf(defined), fileOf(name), problems);
    }),
  );
  if (problems.length > 0) throw new StartupProblems(problems);
  return loaded.flat();
}

function fileOf(name: string): string {
  return `functions/${name}.ts`;
}

/**
 * Resolves the function that a test runs. The name that the test gives wins over the function's own, and that over the
 * name of its file.
 */
export function resolveTested(
  fn: unknown,
  { name, event }: { readonly name?: string; readonly event?: EventDefinition },
): ResolvedFunction {
  const given = fn as FunctionDefinition;
  const tested = name === undefined || !given?.options ? given : { ...given, options: { ...given.options, name } };
  return registryOf({ [name ?? fileNameOf(given) ?? "testedFunction"]: tested }, [event]).functions[0];
}

const FUNCTIONS = RegExp.escape(new URL("functions/", PROJECT).href);
/** A line of a stack in a file of `functions/`, with the name that the file gives to its function. */
const FILE = new RegExp(`${FUNCTIONS}([A-Za-z][\\w-]*)\\.[cm]?[jt]sx?:\\d`);

/** Returns the name of the file in `functions/` that defined a function, or undefined if a test defined it. */
function fileNameOf(fn: unknown): string | undefined {
  return FILE.exec(definedAt(Object(fn)))?.[1];
}
