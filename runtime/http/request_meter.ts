import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";

/** Is told of every request. */
export interface RequestMeter {
  began(): void;
  /** @param route as it was declared, with `{names}` for what varies; empty where nothing is */
  ended(method: string, route: string, status: number, seconds: number): void;
}

/** Methods that are told apart: what a caller makes up must not become a series of its own. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Measures every request of an application. */
export function metered(meter: RequestMeter): MiddlewareHandler {
  const routes = new Map<string, string>();
  const routeOf = (path: string) => {
    let route = routes.get(path);
    if (route === undefined) routes.set(path, route = path.replace(/:(\w+)/g, "{$1}"));
    return route;
  };
  return async (c, next) => {
    const fromMs = performance.now();
    meter.began();
    try {
      await next();
    } finally {
      const path = matchedRoutes(c).findLast(({ path }) => !path.endsWith("*"))?.path ?? "";
      const route = routeOf(path), method = METHODS.has(c.req.method) ? c.req.method : "_OTHER";
      meter.ended(method, route, c.res.status, (performance.now() - fromMs) / 1_000);
    }
  };
}
