import { context, isSpanContextValid, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { isTracingSuppressed, W3CTraceContextPropagator } from "@opentelemetry/core";

/** Propagates no baggage. Baggage is meant for the handlers of an event, not for the servers that they call. */
const PROPAGATOR = new W3CTraceContextPropagator();
const SETTER = { set: (headers: Headers, name: string, value: string) => headers.set(name, value) };
const IS_TRACED = Symbol("traced fetch");

/**
 * Replaces the global `fetch`, so that requests propagate the trace. Inside a span, a request gets a CLIENT span and
 * the `traceparent` of that span. Outside of a span nothing changes.
 *
 * @param scope Name of the tracer.
 * @param propagates Whether requests get a `traceparent`.
 */
export function traceFetch(scope: string, propagates = true): void {
  const inner = globalThis.fetch;
  if (IS_TRACED in inner) return;
  const traced = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const active = context.active(), parent = trace.getSpanContext(active);
    if (!parent || !isSpanContextValid(parent) || isTracingSuppressed(active)) return inner(input, init);
    return fetchInSpan(scope, inner, input, init, propagates);
  };
  globalThis.fetch = Object.assign(traced, { [IS_TRACED]: true });
}

async function fetchInSpan(
  scope: string,
  inner: typeof fetch,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  propagates: boolean,
): Promise<Response> {
  const request = input instanceof Request ? input : undefined;
  const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
  const span = trace.getTracer(scope).startSpan(method, {
    kind: SpanKind.CLIENT,
    attributes: { "http.request.method": method, ...urlAttributes(request?.url ?? String(input)) },
  });
  try {
    const headers = new Headers(init?.headers ?? request?.headers);
    if (propagates && !headers.has("traceparent")) {
      PROPAGATOR.inject(trace.setSpan(context.active(), span), headers, SETTER);
    }
    const response = await inner(input, { ...init, headers });
    span.setAttribute("http.response.status_code", response.status);
    if (response.status >= 400) setError(span, String(response.status));
    return response;
  } catch (error) {
    const [name, message] = error instanceof Error ? [error.name, error.message] : ["Error", String(error)];
    setError(span, name, message);
    throw error;
  } finally {
    span.end();
  }
}

/** Leaves out the query and the credentials, which may be secret. */
function urlAttributes(url: string): Record<string, string | number> {
  if (!URL.canParse(url)) return {};
  const { protocol, hostname, port, origin, pathname } = new URL(url);
  if (!/^https?:$/.test(protocol)) return {};
  const number = port === "" ? protocol === "https:" ? 443 : 80 : Number(port);
  return { "server.address": hostname, "server.port": number, "url.full": origin + pathname };
}

function setError(span: Span, type: string, message?: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message && { message }) });
}
