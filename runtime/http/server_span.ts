import { type Context, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { shorten } from "../core/text.ts";
import { pathOf } from "./router.ts";

/** Characters of the path on a span: ended spans wait for their export in memory. */
const MAX_PATH = 300;
const HEADERS = {
  get: (headers: Headers, name: string) => headers.get(name) ?? undefined,
  keys: (headers: Headers) => [...headers.keys()],
};

/** Returns a context with a span. Hot path: cheaper than `trace.setSpan`, whose contexts live for longer, see bench. */
export type WithSpan = (parent: Context, span: Span) => Context;

/** The SERVER span of a request, a child of the caller's span if the request has a `traceparent`. */
export class ServerSpan {
  /** Context of the span. Hot path: it is passed on, since making it the active context costs as much as the span. */
  readonly context: Context;
  readonly #span: Span;
  readonly #owned: boolean;

  /**
   * @param template route, such as `/events/{type}`
   * @param withSpan Default: `trace.setSpan`.
   */
  constructor(request: Request, template: string, withSpan: WithSpan = trace.setSpan) {
    const { method, headers } = request, active = context.active();
    const hasRemoteContext = headers.has("traceparent") || headers.has("baggage");
    const parent = hasRemoteContext ? propagation.extract(active, headers, HEADERS) : active;
    const { scheme, host, path } = partsOf(request.url), name = `${method} ${template}`;
    const attributes = {
      "http.request.method": method,
      "http.route": template,
      "url.scheme": scheme,
      "url.path": shorten(path, MAX_PATH),
      "server.address": host,
    };
    // With Deno's built-in OpenTelemetry the request has a span already, which Deno ends.
    const started = trace.getSpan(active);
    this.#owned = started === undefined;
    this.#span = started?.updateName(name).setAttributes(attributes) ??
      trace.getTracer("weir").startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
    this.context = withSpan(parent, this.#span);
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

let lastOrigin = { origin: "", scheme: "", host: "" };

/** Returns the parts of a request's URL. Hot path: requests share an origin, so the last one is kept. */
function partsOf(url: string): { scheme: string; host: string; path: string } {
  const pathAt = url.indexOf("/", url.indexOf("://") + 3);
  if (pathAt !== lastOrigin.origin.length || !url.startsWith(lastOrigin.origin)) {
    const origin = url.slice(0, pathAt), { protocol, hostname } = new URL(origin);
    lastOrigin = { origin, scheme: protocol.slice(0, -1), host: hostname };
  }
  return { scheme: lastOrigin.scheme, host: lastOrigin.host, path: pathOf(url) };
}
