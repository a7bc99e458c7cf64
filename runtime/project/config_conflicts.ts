import { z } from "zod";
import { type OwnVariable, type ResolvedConfig, shapeOf } from "./resolve_configs.ts";

/** A variable as one file declares it. */
interface Declared {
  readonly file: string;
  readonly variable: OwnVariable;
  readonly field: z.ZodType;
}

/**
 * Returns a problem for each variable that two declarations give different schemas: one of them would read a value that
 * the other refuses, or show what the other keeps secret.
 */
export function configConflicts(configs: readonly ResolvedConfig[]): string[] {
  const first = new Map<string, Declared>(), problems: string[] = [];
  for (const { file, definition, variables } of configs) {
    const shape = shapeOf(definition.schema) ?? {};
    for (const variable of variables) {
      const declared = { file, variable, field: shape[variable.name] };
      const other = first.getOrInsert(variable.name, declared), difference = differenceOf(other, declared);
      if (difference === undefined) continue;
      const place = other.file === file ? "another defineConfig of this file" : other.file;
      problems.push(
        `${file}: defineConfig: ${variable.name} is declared in ${place} as well, and differs: ${difference}: declare ` +
          "it once and import that, or make both the same",
      );
    }
  }
  return problems;
}

/** Returns how the second declaration of a variable differs from the first. No default of a secret is in it. */
function differenceOf({ variable: a, field }: Declared, { variable: b, field: other }: Declared): string | undefined {
  if (field === other) return undefined;
  if (a.type !== b.type) return `${a.type} there, ${b.type} here`;
  if (a.secret !== b.secret) return `secret ${a.secret ? "there" : "here"} alone`;
  if (JSON.stringify(a.default) !== JSON.stringify(b.default)) return `${defaultText(a)} there, ${defaultText(b)} here`;
  if (a.required !== b.required) return `required ${a.required ? "there" : "here"} alone`;
  return checksOf(field) === checksOf(other) ? undefined : "other checks or another default";
}

function defaultText({ default: value }: OwnVariable): string {
  return value === undefined ? "no default" : `default ${JSON.stringify(value)}`;
}

/** Returns the checks of a field that a JSON schema can express, and its default, as text. */
function checksOf(field: z.ZodType): string {
  const { description: _, ...checks } = z.toJSONSchema(field, { io: "input", unrepresentable: "any" });
  return JSON.stringify(checks);
}
