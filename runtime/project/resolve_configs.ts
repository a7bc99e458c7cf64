import { z } from "zod";
import type { ConfigDefinition } from "../api/define_config.ts";
import { hasAsyncCheck } from "./async_check.ts";
import type { DefiningModule } from "./load_definitions.ts";
import { exportsOf } from "./loaded_module.ts";
import type { ResolvedFunction } from "./resolve_function.ts";

/** An environment variable that a project declares. */
export interface OwnVariable {
  readonly name: string;
  /** Type of the variable, such as `number` or `"a" | "b"`. */
  readonly type: string;
  readonly description: string | undefined;
  /** Undefined without a default, and for a secret. */
  readonly default: unknown;
  readonly required: boolean;
  readonly secret: boolean;
}

/** Variables of a project that are declared together. */
export interface ResolvedConfig {
  /** File that declares them, relative to the project. */
  readonly file: string;
  readonly definition: ConfigDefinition;
  readonly variables: readonly OwnVariable[];
  /** Names of the functions that read them. */
  readonly functions: readonly string[];
  /** True for the secret of a webhook, which the ingress reads and no function. @default false */
  readonly isWebhook?: boolean;
}

/** Resolves the variables that modules declare with `defineConfig`. Adds every fault to `problems`. */
export function resolveConfigs(
  modules: readonly DefiningModule[],
  functions: readonly ResolvedFunction[],
  problems: string[],
): ResolvedConfig[] {
  const found = new Map<ConfigDefinition, { file: string; functions: Set<string> }>();
  for (const module of modules) {
    const names = functions.filter(({ file }) => module.functions.includes(file)).map(({ name }) => name);
    for (const { file, value } of exportsOf<ConfigDefinition>([module], "config")) {
      const known = found.getOrInsertComputed(value, () => ({ file, functions: new Set() }));
      for (const name of names) known.functions.add(name);
    }
  }
  return [...found].flatMap(([definition, { file, functions }]) => {
    const resolved = resolveConfig(definition);
    problems.push(...resolved.problems.map((problem) => `${file}: defineConfig: ${problem}`));
    return [{ file, definition, variables: resolved.variables, functions: [...functions] }];
  });
}

/** Returns the variables of one definition, and its faults. */
export function resolveConfig(
  definition: ConfigDefinition,
): { readonly variables: readonly OwnVariable[]; readonly problems: readonly string[] } {
  const shape = shapeOf(definition.schema as z.ZodType);
  if (!shape) {
    return { variables: [], problems: ["its schema is not an object: give z.object({ NAME: z.string() })"] };
  }
  const problems = Object.keys(shape).filter((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)).map((name) =>
    `${JSON.stringify(name)} is not the name of a variable: letters, digits and _`
  );
  if (hasAsyncCheck(definition.schema as z.ZodType)) {
    problems.push(
      "it has an async refine or transform, but is parsed synchronously: check it in the `open` of a resource",
    );
  }
  return { variables: Object.entries(shape).map(([name, field]) => variableOf(name, field)), problems };
}

/** Returns the fields of an object's schema, also behind a refine or a transform. */
export function shapeOf(schema: unknown): Readonly<Record<string, z.ZodType>> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape as Record<string, z.ZodType>;
  return schema instanceof z.ZodPipe ? shapeOf(schema.in) : undefined;
}

/** The parts of a field's JSON schema that describe it. */
interface Description {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Description[];
  readonly description?: string;
}

function variableOf(name: string, field: z.ZodType): OwnVariable {
  const described = z.toJSONSchema(field, { io: "input", unrepresentable: "any" }) as Description;
  const secret = isSecret(field);
  return {
    name,
    type: isBoolean(field) ? "boolean" : typeText(described),
    description: described.description,
    default: secret ? undefined : defaultOf(field),
    required: isRequired(field),
    secret,
  };
}

function typeText({ type, format, enum: values, const: constant, anyOf }: Description): string {
  if (values) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (constant !== undefined) return JSON.stringify(constant);
  if (anyOf) return [...new Set(anyOf.map(typeText))].join(" | ");
  return format ? `${type} (${format})` : type ?? "string";
}

/** The parts of a field's definition that lead to what it wraps. */
interface FieldDef {
  readonly type: string;
  readonly defaultValue?: unknown;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly out?: z.ZodType;
}

function defOf(field: z.ZodType): FieldDef {
  return field._zod.def as unknown as FieldDef;
}

/** Returns whether a field, or a part of it, has the meta `secret: true`. */
function isSecret(field: z.ZodType): boolean {
  if (field.meta()?.secret === true) return true;
  const { innerType, in: input } = defOf(field), inner = innerType ?? input;
  return inner !== undefined && isSecret(inner);
}

/**
 * Returns whether an object without the field is refused: zod treats a missing field and an undefined one differently.
 * True also for a field whose check is asynchronous, which is refused.
 */
function isRequired(field: z.ZodType): boolean {
  try {
    return !z.object({ field }).safeParse({}).success;
  } catch {
    return true;
  }
}

function defaultOf(field: z.ZodType): unknown {
  const { type, defaultValue, innerType } = defOf(field);
  if (type === "default" || type === "prefault") return defaultValue;
  return innerType && defaultOf(innerType);
}

/** Returns whether a field makes a boolean of a text, as `z.stringbool()` does. */
function isBoolean(field: z.ZodType): boolean {
  const { type, innerType, out } = defOf(field), inner = innerType ?? out;
  return type === "boolean" || inner !== undefined && isBoolean(inner);
}
