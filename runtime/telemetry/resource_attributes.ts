import type { Env } from "./otel/export/otlp_environment.ts";

/** Returns the further resource attributes of a process: its namespace, if it has one. */
export function resourceAttributes(env: Env): Readonly<Record<string, string>> {
  const namespace = env("WEIR_NAMESPACE");
  return namespace ? { "weir.namespace": namespace } : {};
}
