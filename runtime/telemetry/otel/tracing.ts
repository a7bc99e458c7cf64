import { context, propagation, trace } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { type Env, listFrom, otlpEndpoint } from "./export/otlp_environment.ts";
import type { ResourceAttributes } from "./export/resource.ts";
import { traceFetch } from "./propagation/traced_fetch.ts";
import { contextManager } from "./spans/context_manager.ts";
import { IdTracerProvider } from "./spans/id_tracer.ts";
import type { KeepUnsampled } from "./spans/tail_sampler.ts";

export interface Tracing {
  /**
   * The destination of spans, for the log: a URL or `Deno's built-in OpenTelemetry`. Undefined if there is no export.
   */
  readonly exportsTo: string | undefined;
  /** Exports the remaining spans and stops. Never rejects and takes at most two seconds. */
  shutdown(): Promise<void>;
}

const NOT_EXPORTED: Tracing = { exportsTo: undefined, shutdown: async () => {} };

/**
 * Registers the global context manager, propagators and tracer provider that the standard `OTEL_*` variables ask for.
 * The SDK is loaded only if spans are exported.
 *
 * @param scope The tracer of the CLIENT spans of `fetch`.
 * @param keepUnsampled Selects unsampled spans to export, beside those that failed. Default: only sampled spans are
 * exported.
 * @param attributes Further attributes of the resource. Default: none.
 */
export async function registerTracing(
  env: Env,
  serviceName: string,
  scope: string,
  keepUnsampled?: KeepUnsampled,
  attributes?: ResourceAttributes,
): Promise<Tracing> {
  if (env("OTEL_DENO") === "true") {
    return { exportsTo: "Deno's built-in OpenTelemetry", shutdown: async () => {} };
  }
  // The API refuses a second context manager. An earlier registration, here or by Deno, stays in force.
  if (!context.setGlobalContextManager(contextManager().enable())) return NOT_EXPORTED;
  const names = listFrom(env, "OTEL_PROPAGATORS", "tracecontext,baggage"),
    tracesRequests = names.includes("tracecontext");
  propagation.setGlobalPropagator(
    new CompositePropagator({
      propagators: [
        ...tracesRequests ? [new W3CTraceContextPropagator()] : [],
        ...names.includes("baggage") ? [new W3CBaggagePropagator()] : [],
      ],
    }),
  );
  traceFetch(scope, tracesRequests);
  const endpoint = otlpEndpoint(env, "traces");
  if (!endpoint) {
    trace.setGlobalTracerProvider(new IdTracerProvider());
    return NOT_EXPORTED;
  }
  const { otlpSpans } = await import("./spans/otlp_spans.ts");
  const { provider, shutdown } = otlpSpans(env, serviceName, keepUnsampled, attributes);
  trace.setGlobalTracerProvider(provider);
  return { exportsTo: endpoint, shutdown };
}
