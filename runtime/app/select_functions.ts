import type { Registry } from "../project/registry.ts";
import { StartupProblems } from "../project/startup_problems.ts";
import { didYouMean } from "../core/did_you_mean.ts";
import type { Config } from "./config.ts";

/** Returns the functions that a process with this configuration runs: all, or the functions in `WEIR_FUNCTIONS`. */
export function selectFunctions(config: Config, { functions }: Registry): Registry["functions"] {
  if (!config.WEIR_ROLES.includes("functions")) return [];
  const selected = config.WEIR_FUNCTIONS;
  if (!selected) return functions;
  const problems = unknownFunctions(selected, functions);
  if (problems.length > 0) throw new StartupProblems(problems);
  return functions.filter(({ name }) => selected.includes(name));
}

/** Returns a problem for each name in `WEIR_FUNCTIONS` that no function has. */
export function unknownFunctions(selected: readonly string[], functions: Registry["functions"]): string[] {
  const names = functions.map(({ name }) => name);
  return selected.filter((name) => !names.includes(name)).map((name) =>
    `WEIR_FUNCTIONS names ${name}${didYouMean(name, names) || `; there are: ${names.join(", ")}`}`
  );
}
