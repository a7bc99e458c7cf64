import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { IdTracerProvider } from "./id_tracer.ts";
import { traceFetch } from "./traced_fetch.ts";

/** Reads environment variables. */
type Env = (name: string) => string | undefined;

/** Tracing that has been set up. */
interface Tracing {
  /** Where spans go, for the log: a URL, `Deno's built-in OpenTelemetry`, or undefined for nowhere. */
  readonly exportsTo: string | undefined;
  /** Sends what is left and stops. Never rejects and takes two seconds at the most. */
  shutdown(): Promise<void>;
}

const NOWHERE: Tracing = { exportsTo: undefined, shutdown: async () => {} };

/**
 * Sets tracing up for this process, from the standard `OTEL_*` variables. The rest of Weir speaks to the
 * OpenTelemetry API only. The SDK is loaded only when there is somewhere to send spans to.
 */
export async function setupTracing(env: Env, serviceName: string): Promise<Tracing> {
  if (env("OTEL_DENO") === "true") {
    return { exportsTo: "Deno's built-in OpenTelemetry", shutdown: async () => {} };
  }
  // Refused where it was set up before, by an earlier call or by Deno itself: that stays.
  if (!context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())) return NOWHERE;
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  traceFetch();
  const endpoint = env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") ?? env("OTEL_EXPORTER_OTLP_ENDPOINT");
  const off = env("OTEL_SDK_DISABLED") === "true" || env("OTEL_TRACES_EXPORTER") === "none";
  if (!endpoint || off) {
    trace.setGlobalTracerProvider(new IdTracerProvider());
    return NOWHERE;
  }
  const { otlpProvider } = await import("./otlp_provider.ts");
  const { provider, shutdown } = otlpProvider(env, serviceName);
  trace.setGlobalTracerProvider(provider);
  return {
    exportsTo: endpoint,
    shutdown,
  };
}
