import { context, isSpanContextValid, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { isTracingSuppressed, W3CTraceContextPropagator } from "@opentelemetry/core";

/** Not the baggage: what an event carries for its handlers is nobody else's to read. */
const PROPAGATOR = new W3CTraceContextPropagator();
const SETTER = { set: (headers: Headers, name: string, value: string) => headers.set(name, value) };
const TRACED = Symbol("weir.traced");

/**
 * Lets `fetch` inside a span carry the trace on: the request has its `traceparent`, and a CLIENT span of its own.
 * Outside of any span `fetch` is what it always was.
 */
export function traceFetch(): void {
  const inner = globalThis.fetch;
  if (TRACED in inner) return;
  const traced = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const active = context.active(), above = trace.getSpanContext(active);
    if (!above || !isSpanContextValid(above) || isTracingSuppressed(active)) return inner(input, init);
    return fetchInSpan(inner, input, init);
  };
  globalThis.fetch = Object.assign(traced, { [TRACED]: true });
}

async function fetchInSpan(
  inner: typeof fetch,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<Response> {
  const request = input instanceof Request ? input : undefined;
  const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
  const span = trace.getTracer("weir").startSpan(method, {
    kind: SpanKind.CLIENT,
    attributes: { "http.request.method": method, ...target(request?.url ?? String(input)) },
  });
  try {
    const headers = new Headers(init?.headers ?? request?.headers);
    if (!headers.has("traceparent")) PROPAGATOR.inject(trace.setSpan(context.active(), span), headers, SETTER);
    const response = await inner(input, { ...init, headers });
    span.setAttribute("http.response.status_code", response.status);
    if (response.status >= 400) fail(span, String(response.status));
    return response;
  } catch (error) {
    fail(span, error instanceof Error ? error.name : "Error", error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    span.end();
  }
}

/** Without the query and whatever lets one in: both may hold secrets. */
function target(url: string): Record<string, string | number> {
  if (!URL.canParse(url)) return {};
  const { protocol, hostname, port, origin, pathname } = new URL(url);
  if (!/^https?:$/.test(protocol)) return {};
  const number = port === "" ? protocol === "https:" ? 443 : 80 : Number(port);
  return { "server.address": hostname, "server.port": number, "url.full": origin + pathname };
}

function fail(span: Span, type: string, message?: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message && { message }) });
}
