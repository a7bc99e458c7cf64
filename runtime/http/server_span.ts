import { type Context, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

const HEADERS = {
  get: (headers: Headers, name: string) => headers.get(name) ?? undefined,
  keys: (headers: Headers) => [...headers.keys()],
};

/** The SERVER span of a request, a child of the caller's where it sent a `traceparent`. */
export class ServerSpan {
  /** What belongs to the request belongs in there. It is handed on, since to make it the active one takes as long. */
  readonly within: Context;
  readonly #span: Span;
  readonly #owned: boolean;

  constructor(request: Request, route: string) {
    const { headers } = request, active = context.active();
    const carried = headers.has("traceparent") || headers.has("baggage");
    const parent = carried ? propagation.extract(active, headers, HEADERS) : active;
    const { method } = request, { scheme, host, path } = partsOf(request.url), name = `${method} ${route}`;
    const attributes = {
      "http.request.method": method,
      "http.route": route,
      "url.scheme": scheme,
      "url.path": path,
      "server.address": host,
    };
    // Deno's built-in OpenTelemetry has begun a span for the request already: that one is told its name instead.
    const begun = trace.getSpan(active);
    this.#owned = begun === undefined;
    this.#span = begun?.updateName(name).setAttributes(attributes) ??
      trace.getTracer("weir").startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
    this.within = trace.setSpan(parent, this.#span);
  }

  end(status: number): void {
    const span = this.#span;
    span.setAttribute("http.response.status_code", status);
    if (status >= 500) {
      span.setAttribute("error.type", String(status));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    if (this.#owned) span.end();
  }
}

/** Of a URL such as a server gives it. */
export function pathOf(url: string): string {
  const pathAt = url.indexOf("/", url.indexOf("://") + 3), queryAt = url.indexOf("?", pathAt);
  return queryAt < 0 ? url.slice(pathAt) : url.slice(pathAt, queryAt);
}

let known = { origin: "", scheme: "", host: "" };

/** Of a request's URL, in which only the path changes from one to the next. */
function partsOf(url: string): { scheme: string; host: string; path: string } {
  const pathAt = url.indexOf("/", url.indexOf("://") + 3);
  if (pathAt !== known.origin.length || !url.startsWith(known.origin)) {
    const origin = url.slice(0, pathAt), { protocol, hostname } = new URL(origin);
    known = { origin, scheme: protocol.slice(0, -1), host: hostname };
  }
  return { scheme: known.scheme, host: known.host, path: pathOf(url) };
}
