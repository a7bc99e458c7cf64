export type Env = (name: string) => string | undefined;

/** Milliseconds that the last export of a signal may take at shutdown: an unreachable collector must not delay exit. */
export const FLUSH_MS = 2_000;

/** Returns a variable as a number, or `fallback` if it is unset, 0 or not a number. */
export function numberFrom(env: Env, name: string, fallback: number): number {
  return Number(env(name)) || fallback;
}

/** Returns the milliseconds one export may take. The SDK's default of ten seconds would delay exit too long. */
export function otlpTimeoutMs(env: Env): number {
  return numberFrom(env, "OTEL_EXPORTER_OTLP_TIMEOUT", 2_000);
}
