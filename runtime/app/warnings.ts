import { nearest } from "../core/did_you_mean.ts";
import { ENVIRONMENT, VARIABLES } from "./config.ts";
import { OTEL_VARIABLES } from "./otel_environment.ts";

/** Variables that Weir does not read as configuration: they belong to its telemetry, `dev` and `test`, or Deno. */
const OTHER_VARIABLES = [
  "NATS_SERVER",
  "WEIR_DEV_OWNS_NATS",
  "WEIR_DEV_URL",
  "WEIR_TRACE_FAILURES",
  "OTEL_DENO",
  ...Object.keys(OTEL_VARIABLES),
];

const KNOWN_VARIABLES: readonly string[] = [
  ...VARIABLES.flatMap((name) => [name, `${name}_FILE`]),
  ...OTHER_VARIABLES,
];

/** Variables that Kubernetes sets in every container of a namespace with a service called `weir` or `nats`. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP).*)?)$/;

/** Returns the names of the variables that are set and not empty. */
export function setVariables(): string[] {
  return Object.keys(Deno.env.toObject()).filter((name) => ENVIRONMENT.get(name));
}

/**
 * Returns a warning for each variable that is probably misspelt: a variable of Weir, of OpenTelemetry or of the project
 * was meant.
 *
 * @param own Variables that the project declares. Default: none.
 */
export function variableWarnings(names: readonly string[], own: readonly string[] = []): string[] {
  const known = [...KNOWN_VARIABLES, ...own];
  return names.filter((name) => !known.includes(name) && !SERVICE_LINK.test(name)).flatMap((name) => {
    const meant = nearest(name, known.filter((other) => other.length >= 8 && other !== name), 2);
    if (meant === undefined && !name.startsWith("WEIR_")) return [];
    return [`${name} is set, and nothing reads it${meant ? `: did you mean ${meant}?` : ""}`];
  });
}
