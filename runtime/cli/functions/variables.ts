import { ENVIRONMENT } from "../../app/config.ts";
import { valueText } from "../../core/error_detail.ts";
import { loadProject } from "../../project/load_project.ts";
import type { Registry } from "../../project/registry.ts";
import { printJson, type Screen, screen } from "../terminal/output.ts";
import { table } from "../terminal/table.ts";

/** A variable that a project declares, and whether it is set. It never holds the value. */
export interface VariableStatus {
  readonly name: string;
  readonly type: string;
  /** Null without a default, and for a secret. */
  readonly default: unknown;
  readonly description: string | null;
  readonly secret: boolean;
  readonly required: boolean;
  /** Names of the functions that read it. Empty for the secret of a webhook. */
  readonly functions: readonly string[];
  readonly file: string;
  /** Name of the variable that sets it: `NAME` or `NAME_FILE`. Null if neither is set. */
  readonly setBy: string | null;
}

/** Lists the variables that a project declares with `defineConfig`. */
export async function showVariables({ json }: { readonly json?: boolean }): Promise<void> {
  const status = variableStatus(await loadProject(), ENVIRONMENT.get);
  if (json) printJson(status);
  else if (status.length > 0) console.log(variableTable(status, screen()));
  else console.error("the project declares no variables: defineConfig does");
}

/** Returns the status of each variable, in the order of files and declarations. */
export function variableStatus(
  { configs }: Pick<Registry, "configs">,
  get: (name: string) => string | undefined,
): VariableStatus[] {
  return configs.flatMap(({ file, functions, variables }) =>
    variables.map(({ name, type, description = null, default: fallback = null, secret, required }) => {
      const setBy = [name, ...(secret ? [`${name}_FILE`] : [])].find((one) => get(one)) ?? null;
      return { name, type, default: shown(fallback), description, secret, required, functions, file, setBy };
    })
  );
}

/** Returns a default as it is. A value that JSON cannot write, such as a bigint, becomes text. */
function shown(value: unknown): unknown {
  try {
    return JSON.stringify(value) === undefined ? valueText(value) : value;
  } catch {
    return valueText(value);
  }
}

export function variableTable(status: readonly VariableStatus[], target: Screen): string {
  const rows = status.map(({ name, type, default: fallback, description, secret, required, functions, setBy }) => [
    name,
    secret ? `${type}, secret` : type,
    fallback !== null ? JSON.stringify(fallback) : required ? "required" : "",
    setBy === null ? "no" : setBy === name ? "yes" : `by ${setBy}`,
    functions.join(", ") || "ingress",
    description ?? "",
  ]);
  return table(["variable", "type", "default", "set", "functions", "meaning"], rows, target);
}
