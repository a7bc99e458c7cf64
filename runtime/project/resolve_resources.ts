import { z } from "zod";
import { RESOURCE_DEFAULTS, type ResourceDefinition } from "../api/define_resource.ts";
import type { DefiningModule } from "./load_definitions.ts";
import { exportsOf } from "./loaded_module.ts";
import { CHECKED_ONCE, describeValue, durationSchema, optionProblems } from "./option_schemas.ts";
import type { ResolvedFunction } from "./resolve_function.ts";

/** A resource of a project. */
export interface ResolvedResource {
  readonly name: string;
  /** File that declares it, relative to the project. */
  readonly file: string;
  readonly timeoutMs: number;
  readonly definition: ResourceDefinition;
  /** Names of the functions that it is opened for. */
  readonly functions: readonly string[];
}

const callback = (form: string) =>
  z.custom((given) => typeof given === "function", {
    error: ({ input }) => `${describeValue(input)} is not a function such as ${form}`,
  });

const schema = z.strictObject({
  kind: z.literal("resource"),
  name: z.custom<string>((given) => typeof given === "string" && given !== "", 'it is not a text such as "db"'),
  open: callback("`(signal) => …`"),
  close: callback("`(value) => …`").optional(),
  check: callback("`(value, signal) => …`").optional(),
  timeout: durationSchema.prefault(RESOURCE_DEFAULTS.timeout),
  get: z.unknown(),
});

const OPTIONS = ["name", "open", "close", "check", "timeout"];

/** Names of Weir's own checks in `/health`. */
export const RESERVED_CHECK = /^(nats|runtime|ingress|function:.*)$/;

/**
 * Resolves the resources that modules export and that functions list in `needs`, by name. A definition that several
 * modules export counts once. Adds every fault to `problems`.
 */
export function resolveResources(
  modules: readonly DefiningModule[],
  functions: readonly ResolvedFunction[],
  problems: string[],
): ResolvedResource[] {
  const found = new Map<ResourceDefinition, { file: string; functions: Set<string> }>();
  const add = (definition: ResourceDefinition, file: string, names: readonly string[]) => {
    const known = found.getOrInsertComputed(definition, () => ({ file, functions: new Set() }));
    for (const name of names) known.functions.add(name);
  };
  for (const module of modules) {
    const names = functions.filter(({ file }) => module.functions.includes(file)).map(({ name }) => name);
    for (const { file, value } of exportsOf<ResourceDefinition>([module], "resource")) add(value, file, names);
  }
  for (const { file, name, needs = [] } of functions) for (const one of needs) add(one, file, [name]);
  const resolved = new Map<string, ResolvedResource>();
  for (const [definition, { file, functions }] of found) {
    const fault = (text: string) => problems.push(`${file}: resource ${describeValue(definition.name)}: ${text}`);
    const result = schema.safeParse(definition, CHECKED_ONCE);
    if (!result.success) {
      optionProblems(result.error, OPTIONS).forEach(fault);
      continue;
    }
    const { name, timeout: timeoutMs } = result.data, first = resolved.get(name);
    if (RESERVED_CHECK.test(name)) fault("that name is reserved for a check of Weir's own");
    else if (first) fault(`${first.file} declares another of that name: a resource has one definition`);
    else resolved.set(name, { name, file, timeoutMs, definition, functions: [...functions] });
  }
  return [...resolved.values()];
}
