import type { Handler } from "./router.ts";

/** Headers that scripts of the allowed origins may read, besides those that they always may. */
const EXPOSED = ["RateLimit", "RateLimit-Policy", "Retry-After", "Preference-Applied", "ETag", "Allow"];
/** Seconds for which a browser keeps the answer to a preflight. */
const MAX_AGE_S = 600;

/**
 * Returns a handler that lets pages of other origins call it (CORS). A preflight needs no key: browsers send none with
 * it. Cookies are not allowed, since no request is authenticated by one.
 *
 * @param origins Origins such as `https://shop.example`, or `*` alone for any.
 */
export function withCors(handler: Handler, origins: readonly string[]): Handler {
  const load = async () => {
    const [{ Hono }, { cors }] = await Promise.all([import("hono"), import("hono/cors")]);
    const app = new Hono(), origin = origins[0] === "*" ? "*" : [...origins];
    // Any header that the page asks for, since each extension of a CloudEvent has a header of its own.
    app.use(cors({ origin, allowMethods: ["GET", "HEAD", "POST"], exposeHeaders: EXPOSED, maxAge: MAX_AGE_S }));
    app.all("*", (c) => handler(c.req.raw));
    return app;
  };
  let loading: ReturnType<typeof load> | undefined;
  return async (request) => {
    const { method, headers } = request, isPreflight = headers.has("access-control-request-method");
    if (method === "OPTIONS" && !isPreflight) return handler(request); // it gets 405, as other methods
    return (await (loading ??= load())).fetch(request);
  };
}
