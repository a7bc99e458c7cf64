import { type Context, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

const HEADERS = {
  get: (headers: Headers, name: string) => headers.get(name) ?? undefined,
  keys: (headers: Headers) => [...headers.keys()],
};

/** Answers a request inside a SERVER span, a child of the caller's where it sent a `traceparent`. */
export async function traced(
  request: Request,
  route: string,
  answer: () => Promise<Response>,
): Promise<Response> {
  const { headers } = request, active = context.active();
  const carried = headers.has("traceparent") || headers.has("baggage");
  const parent = carried ? propagation.extract(active, headers, HEADERS) : active;
  const { span, owned } = serverSpan(request, route, parent);
  try {
    const response = await context.with(trace.setSpan(parent, span), answer);
    span.setAttribute("http.response.status_code", response.status);
    if (response.status >= 500) {
      span.setAttribute("error.type", String(response.status));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    return response;
  } finally {
    if (owned) span.end();
  }
}

/** Deno's built-in OpenTelemetry has begun a span for the request already: that one is told its name instead. */
function serverSpan(request: Request, route: string, parent: Context): { span: Span; owned: boolean } {
  const { scheme, host, path } = partsOf(request.url), name = `${request.method} ${route}`;
  const attributes = {
    "http.request.method": request.method,
    "http.route": route,
    "url.scheme": scheme,
    "url.path": path,
    "server.address": host,
  };
  const begun = trace.getActiveSpan();
  if (begun) return { span: begun.updateName(name).setAttributes(attributes), owned: false };
  return {
    span: trace.getTracer("weir").startSpan(name, { kind: SpanKind.SERVER, attributes }, parent),
    owned: true,
  };
}

let known = { origin: "", scheme: "", host: "" };

/** Of a request's URL, in which only the path changes from one to the next. */
function partsOf(url: string): { scheme: string; host: string; path: string } {
  const pathAt = url.indexOf("/", url.indexOf("://") + 3), origin = url.slice(0, pathAt);
  if (origin !== known.origin) {
    const { protocol, hostname } = new URL(origin);
    known = { origin, scheme: protocol.slice(0, -1), host: hostname };
  }
  return { ...known, path: /^[^?#]*/.exec(url.slice(pathAt))![0] };
}
