import type { Env } from "./otel/export/otlp_environment.ts";

/** Returns the resource attributes of a process beside those of its service: its namespace, if it has one. */
export function resourceAttributes(env: Env): Readonly<Record<string, string>> {
  const namespace = env("WEIR_NAMESPACE");
  return namespace ? { "weir.namespace": namespace } : {};
}
