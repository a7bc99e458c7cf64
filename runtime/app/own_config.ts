import type { z } from "zod";
import type { ConfigDefinition } from "../api/define_config.ts";
import { secretLines } from "../api/webhook.ts";
import type { ProvidedValues } from "../api/provided_values.ts";
import { errorDetail } from "../core/error_detail.ts";
import type { Registry } from "../project/registry.ts";
import { type OwnVariable, resolveConfig, type ResolvedConfig, shapeOf } from "../project/resolve_configs.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import type { Config } from "./config.ts";
import { selectFunctions } from "./select_functions.ts";
import { type Environment, readVariable } from "./variable_text.ts";

/**
 * Least length, in characters, of a value that is removed from the message of an author's check. A shorter value is
 * probably an ordinary word.
 */
const MIN_QUOTED = 4;

/** Result of reading the variables that a project declares. */
export interface OwnConfig extends ProvidedValues {
  /** One line for each fault: the variable, its file, and the wanted value. It never has the given value. */
  readonly problems: readonly string[];
  /** Values that appear in no log. */
  readonly secrets: readonly string[];
}

/**
 * Returns the declarations of the functions that a process with this configuration runs, and of its webhooks. It reads
 * no others.
 *
 * @param config Undefined if the configuration has problems: then the declarations of every function are returned.
 */
export function selectConfigs(registry: Registry, config: Config | undefined): readonly ResolvedConfig[] {
  let functions = registry.functions;
  try {
    if (config) functions = selectFunctions(config, registry);
  } catch (error) {
    if (!(error instanceof StartupProblems)) throw error; // a wrong name in WEIR_FUNCTIONS, which others report
  }
  const isIngress = config?.WEIR_ROLES.includes("ingress") ?? true;
  return registry.configs.filter((own) =>
    own.isWebhook ? isIngress : functions.some(({ name }) => own.functions.includes(name))
  );
}

/** Returns the names of all variables that a project declares, with the `NAME_FILE` of its secrets. */
export function ownVariableNames({ configs }: Registry): string[] {
  return configs.flatMap(({ variables }) =>
    variables.flatMap(({ name, secret }) => secret ? [name, `${name}_FILE`] : [name])
  );
}

/** Reads declared variables from the environment, and collects every problem. */
export function readOwnConfig(configs: readonly ResolvedConfig[], environment: Environment): OwnConfig {
  const problems: string[] = [], secrets: string[] = [], values = new Map<object, { readonly value: unknown }>();
  for (const { file, definition, variables, isWebhook } of configs) {
    const read = readOne(definition, variables, environment);
    problems.push(...read.problems.map((problem) => `${problem} (${file})`));
    secrets.push(...read.secrets, ...(isWebhook ? read.secrets.flatMap(secretLines) : []));
    if (read.problems.length === 0) values.set(definition, { value: read.value });
  }
  return { problems, secrets, find: (definition) => values.get(definition) };
}

/**
 * Provides the values of any declaration that code asks for, from given variables. Tests need it, since their functions
 * are in no project.
 *
 * @param what Where to set a missing variable, for the error.
 */
export function valuesFrom(environment: Environment, what: string): ProvidedValues {
  const values = new Map<object, { readonly value: unknown }>();
  return {
    find: (definition) => {
      if ((definition as ConfigDefinition).kind !== "config") return undefined;
      return values.getOrInsertComputed(definition, () => {
        const { variables, problems } = resolveConfig(definition as ConfigDefinition);
        if (problems.length > 0) throw new Error(`defineConfig: ${problems.join("; ")}`);
        const read = readOne(definition as ConfigDefinition, variables, environment);
        if (read.problems.length > 0) throw new Error(`${read.problems.join("; ")}: ${what}`);
        return { value: read.value };
      });
    },
  };
}

function readOne(definition: ConfigDefinition, variables: readonly OwnVariable[], environment: Environment) {
  const problems = new Map<string, string>(), secrets: string[] = [];
  const given: Record<string, string> = Object.create(null); // a variable may be called `constructor`
  for (const variable of variables) {
    const { text, problem } = readVariable(environment, variable.name, variable.secret);
    if (problem) problems.set(variable.name, problem);
    if (text === undefined) continue;
    given[variable.name] = text;
    if (variable.secret) secrets.push(text);
  }
  const result = parse(definition.schema as z.ZodType, given);
  const byName = Map.groupBy(result.issues, ({ path }) => String(path[0] ?? ""));
  for (const [name, issues] of byName) {
    // A variable whose file could not be read has that problem alone. It is not reported as missing too.
    problems.getOrInsertComputed(name, () => problemOf(variables.find((one) => one.name === name), issues, given));
  }
  return { problems: [...problems.values()], secrets, value: result.value };
}

interface Parsed {
  readonly value?: unknown;
  readonly issues: readonly z.core.$ZodIssue[];
}

/** Parses variables. A check that throws becomes an issue without the error's message, which may quote a value. */
function parse(schema: z.ZodType, given: Readonly<Record<string, string>>): Parsed {
  try {
    const { data, error } = schema.safeParse(given);
    return { value: data, issues: error?.issues ?? [] };
  } catch (error) {
    const fields = Object.entries(shapeOf(schema) ?? {}).flatMap(([name, field]) => fieldIssues(name, field, given));
    return { issues: fields.length > 0 ? fields : [thrown(error, [])] };
  }
}

function fieldIssues(name: string, field: z.ZodType, given: Readonly<Record<string, string>>): z.core.$ZodIssue[] {
  try {
    return field.safeParse(given[name]).error?.issues.map((one) => ({ ...one, path: [name, ...one.path] })) ?? [];
  } catch (error) {
    return [thrown(error, [name])];
  }
}

function thrown(error: unknown, path: string[]): z.core.$ZodIssue {
  const message = `its check or transform throws ${errorDetail(error).name}: let it call \`ctx.addIssue\` instead`;
  return { code: "custom", message, path, input: undefined };
}

function problemOf(
  variable: OwnVariable | undefined,
  issues: readonly z.core.$ZodIssue[],
  given: Readonly<Record<string, string>>,
): string {
  const wanted = [...new Set(issues.map((issue) => wantedBy(issue, given)))].join("; ");
  if (!variable) return `the variables are refused together: ${wanted}`;
  const { name, description, secret } = variable, about = description ? `, ${description}` : "";
  if (!(name in given)) return `${name} is not set${about}: set it${secret ? `, or ${name}_FILE` : ""}`;
  return `${name} is not as wanted${about}: ${wanted}`;
}

function wantedBy(issue: z.core.$ZodIssue, given: Readonly<Record<string, string>>): string {
  const isText = issue.message.endsWith("received string");
  if (issue.code === "invalid_type" && isText) return `${issue.message}${COERCE[issue.expected] ?? ""}`;
  return withoutValues(issue.message, given);
}

/** End of the message about a schema that no text can match. */
const COERCE: Readonly<Record<string, string>> = {
  number: " (a variable is text: declare it with z.coerce.number())",
  int: " (a variable is text: declare it with z.coerce.number())",
  boolean: " (a variable is text: declare it with z.stringbool())",
  array: " (a variable is text: declare it with z.string().transform(…))",
};

/** Removes the values that an author's own message quotes. Messages of zod quote no values. */
function withoutValues(message: string, given: Readonly<Record<string, string>>): string {
  return Object.values(given).filter((value) => value.length >= MIN_QUOTED)
    .reduce((rest, value) => rest.replaceAll(value, "[redacted]"), message);
}
