import { OTLP_SIGNALS } from "../app/otel_environment.ts";
import { isDisabled } from "../telemetry/otel/export/otlp_environment.ts";
import type { CollectorProbe } from "./facts.ts";

/** Milliseconds to wait for an answer. An endpoint that takes longer would slow down exports too. */
const TIMEOUT_MS = 1_000;

/** Sends a HEAD request to every OTLP endpoint. Any HTTP answer counts, errors included. */
export async function probeCollectors(get: (name: string) => string | undefined): Promise<CollectorProbe[]> {
  if (isDisabled(get)) return [];
  const endpoints = OTLP_SIGNALS.map((signal) => `OTEL_EXPORTER_OTLP${signal}_ENDPOINT`).flatMap((variable) => {
    const url = get(variable);
    return url && URL.canParse(url) ? [{ variable, url }] : [];
  });
  return await Promise.all(endpoints.map(async ({ variable, url }) => {
    try {
      const response = await fetch(url, {
        method: "HEAD",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        redirect: "manual",
      });
      await response.body?.cancel();
      return { variable, url };
    } catch (error) {
      return { variable, url, problem: reasonOf(error) };
    }
  }));
}

/** Returns the most specific reason: the last cause, and its text after the last colon. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${TIMEOUT_MS} ms`;
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return error.message.split(": ").at(-1)!;
}
