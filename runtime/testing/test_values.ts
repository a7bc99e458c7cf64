import { AsyncLocalStorage } from "node:async_hooks";
import { type ProvidedValues, setValueScope } from "../api/provided_values.ts";
import { valuesFrom } from "../app/own_config.ts";
import { fakesOf, type ResourceFake } from "./fake_resource.ts";

const scopes = new AsyncLocalStorage<ProvidedValues>();

/** Variables and resources that a test gives to a function. */
export interface TestValues {
  readonly resources?: readonly ResourceFake[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs code for which only a test's resources and variables exist. */
export function withTestValues<Result>({ resources, env }: TestValues, run: () => Result): Result {
  setValueScope(() => scopes.getStore());
  const fakes = fakesOf(resources), variables = testVariables(env);
  const find = (definition: object) => {
    for (const [resource, value] of fakes) if (resource === definition) return { value };
    return variables.find(definition);
  };
  return scopes.run({ find }, run);
}

/** Provides the variables that a test gives. The variables of the test's own process are not read. */
export function testVariables(env: Readonly<Record<string, string>> = {}): ProvidedValues {
  const readFile = (path: string) => Deno.readTextFileSync(path);
  return valuesFrom({ get: (name) => env[name], readFile }, "give the test `env: { … }`");
}
