import type { Signal } from "./dropped_items.ts";

export type Env = (name: string) => string | undefined;

/** Milliseconds that the last export of a signal may take at shutdown: an unreachable collector must not delay exit. */
export const FLUSH_MS = 2_000;

/** Returns a variable as a number, or `fallback` if it is unset, 0 or not a number. */
export function numberFrom(env: Env, name: string, fallback: number): number {
  return Number(env(name)) || fallback;
}

/** Returns the milliseconds one export may take. The SDK's default of ten seconds would delay exit too long. */
export function otlpTimeoutMs(env: Env, signal: Signal): number {
  const common = numberFrom(env, "OTEL_EXPORTER_OTLP_TIMEOUT", 2_000);
  return numberFrom(env, `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_TIMEOUT`, common);
}

/**
 * Returns the endpoint for exports of a signal: the signal's own endpoint, or else the common one. Undefined if the
 * signal is not exported.
 */
export function otlpEndpoint(env: Env, signal: Signal): string | undefined {
  const none = signal === "logs" ? "none" : "otlp"; // logs are written anyway, so they are exported only on request
  if (isDisabled(env) || !listFrom(env, `OTEL_${signal.toUpperCase()}_EXPORTER`, none).includes("otlp")) {
    return undefined;
  }
  return env(`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`) || env("OTEL_EXPORTER_OTLP_ENDPOINT") || undefined;
}

export function isDisabled(env: Env): boolean {
  return env("OTEL_SDK_DISABLED")?.trim().toLowerCase() === "true";
}

/** Returns the items of a comma-separated variable, in lower case. */
export function listFrom(env: Env, name: string, fallback: string): string[] {
  return (env(name)?.trim() || fallback).toLowerCase().split(",").map((item) => item.trim()).filter((item) =>
    item !== ""
  );
}
