import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

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
  const parent = propagation.extract(context.active(), request.headers, HEADERS);
  const span = trace.getTracer("weir").startSpan(`${request.method} ${route}`, {
    kind: SpanKind.SERVER,
    attributes: {
      "http.request.method": request.method,
      "http.route": route,
      "url.path": new URL(request.url).pathname,
    },
  }, parent);
  try {
    const response = await context.with(trace.setSpan(parent, span), answer);
    span.setAttribute("http.response.status_code", response.status);
    if (response.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    return response;
  } finally {
    span.end();
  }
}
