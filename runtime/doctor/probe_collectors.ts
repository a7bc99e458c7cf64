import type { Collector } from "./facts.ts";
import { SIGNALS } from "./variables.ts";

const WITHIN_MS = 1_000;

/** Knocks at every endpoint that telemetry is sent to. Whatever answers by HTTP, were it an error, is there. */
export async function knock(get: (name: string) => string | undefined): Promise<Collector[]> {
  if (get("OTEL_SDK_DISABLED") === "true") return [];
  const given = SIGNALS.map((signal) => `OTEL_EXPORTER_OTLP${signal}_ENDPOINT`).flatMap((variable) => {
    const url = get(variable);
    return url && URL.canParse(url) ? [{ variable, url }] : [];
  });
  return await Promise.all(given.map(async ({ variable, url }) => {
    try {
      const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(WITHIN_MS), redirect: "manual" });
      await answer.body?.cancel();
      return { variable, url };
    } catch (error) {
      return { variable, url, problem: reason(error) };
    }
  }));
}

/** The last of a chain of causes says most, and after its last colon. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${WITHIN_MS} ms`;
  if (error.cause instanceof Error) return reason(error.cause);
  return error.message.split(": ").at(-1)!;
}
