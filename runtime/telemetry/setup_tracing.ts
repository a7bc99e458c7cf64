import type { Env } from "./otel/export/otlp_environment.ts";
import type { RecordedSpan } from "./otel/spans/recorded_span.ts";
import { resourceAttributes } from "./resource_attributes.ts";
import { registerTracing, type Tracing } from "./otel/tracing.ts";

/**
 * Sets tracing up for this process, from the standard `OTEL_*` variables. `WEIR_TRACE_FAILURES=false` turns tail
 * sampling off.
 */
export function setupTracing(env: Env, serviceName: string): Promise<Tracing> {
  const keepUnsampled = env("WEIR_TRACE_FAILURES") === "false" ? undefined : isRetryRelated;
  return registerTracing(env, serviceName, "weir", keepUnsampled, resourceAttributes(env));
}

/** Returns whether a span is of an attempt that was not acked, or of the next attempt after it. */
function isRetryRelated({ attributes, prepared, links }: RecordedSpan): boolean {
  const outcome = prepared?.outcome ?? attributes["weir.outcome"];
  return outcome !== undefined && outcome !== "ack" ||
    links !== undefined && links.some((link) => link.attributes?.["weir.link"] !== undefined);
}
