import { Hono } from "hono";
import { Problem } from "./problem.ts";
import { targetProblem } from "./request_target.ts";

/** One method on one path of a listener. A module of routes exports a function that returns an array of routes. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path, in which `:name` matches one segment. */
  readonly path: string;
  /** Path as metrics name it. @default `path`, with `{name}` for `:name` */
  readonly template?: string;
  /** Answers a request. The router turns what it throws into a problem. */
  handle(request: Request, parameters: Parameters): Response | Promise<Response>;
}

export function route(method: Route["method"], path: string, handle: Route["handle"]): Route {
  return { method, path, handle };
}

/** Decoded path segments by the names in `path`. */
export type Parameters = Readonly<Record<string, string>>;

export type Handler = (request: Request) => Response | Promise<Response>;

export interface RequestMeter {
  began(): void;
  /** @param route template of the route; empty if no path matches */
  ended(method: string, route: string, status: number, seconds: number): void;
}

interface RouterOptions {
  /** Returns the problem that answers an error. */
  readonly problemOf: (error: unknown) => Problem;
  /**
   * Records every request.
   *
   * @default nothing is recorded
   */
  readonly meter?: RequestMeter;
  /**
   * Returns the problem of a request that may not be answered, whatever its route. Metrics name no route for it.
   *
   * @default every request is answered
   */
  readonly guard?: (request: Request) => Problem | undefined;
}

/** Methods that metrics tell apart. An invented method must not create a time series of its own. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const NO_PARAMETERS: Parameters = {};

/**
 * Returns a handler for all routes of a listener. GET routes answer HEAD as well, other methods get 405 and other
 * paths 404. A path without parameters is matched before one with them; else the first of two routes in the array
 * answers.
 */
export function router(routes: readonly Route[], { meter, problemOf, guard }: RouterOptions): Handler {
  const respond = async (
    request: Request,
    template: string,
    handle: Route["handle"],
    parameters: Parameters,
  ): Promise<Response> => {
    const fromMs = performance.now();
    meter?.began();
    let status = 500;
    try {
      const response = await handle(request, parameters);
      status = response.status;
      return response;
    } catch (error) {
      const problem = problemOf(error);
      status = problem.status;
      return problem.toResponse();
    } finally {
      const method = METHODS.has(request.method) ? request.method : "_OTHER";
      meter?.ended(method, template, status, (performance.now() - fromMs) / 1_000);
    }
  };

  const app = new Hono();
  // Hot path: a path without parameters is looked up here, since Hono costs as much as the rest of a small request.
  const exact = new Map<string, Map<string, Handler>>(), refusals = new Map<string, Handler>();
  for (const { method, path, template = templateOf(path), handle } of routes) {
    app.on(method, path, (c) => respond(c.req.raw, template, handle, c.req.param()));
    if (path.includes(":")) continue;
    const handlers = exact.getOrInsertComputed(path, () => new Map());
    if (!handlers.has(method)) handlers.set(method, (request) => respond(request, template, handle, NO_PARAMETERS));
  }
  for (const [path, alike] of Map.groupBy(routes, (route) => route.path)) {
    const [{ template = templateOf(path) }] = alike, refuse = refuseMethod(alike.map(({ method }) => method));
    const handler: Handler = (request) => respond(request, template, refuse, NO_PARAMETERS);
    app.all(path, (c) => handler(c.req.raw));
    refusals.set(path, handler);
  }
  app.notFound((c) => respond(c.req.raw, "", refusePath, NO_PARAMETERS));
  app.onError((error) => problemOf(error).toResponse());
  return (request) => {
    const problem = targetProblem(request) ?? guard?.(request);
    if (problem) return respond(request, "", () => problem.toResponse(), NO_PARAMETERS);
    const path = pathOf(request.url), handlers = exact.get(path), { method } = request;
    const handler = handlers?.get(method);
    if (handler) return handler(request);
    // Another route may match the path by a parameter, and is not meant.
    if (handlers && !(method === "HEAD" && handlers.has("GET"))) return refusals.get(path)!(request);
    return app.fetch(request);
  };
}

/** Returns the path of an absolute URL. Hot path: faster than parsing the URL. */
export function pathOf(url: string): string {
  const pathAt = url.indexOf("/", url.indexOf("://") + 3), queryAt = url.indexOf("?", pathAt);
  return queryAt < 0 ? url.slice(pathAt) : url.slice(pathAt, queryAt);
}

function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

function refuseMethod(methods: readonly string[]): Route["handle"] {
  const allow = methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]).join(", ");
  return ({ method, url }) => {
    const detail = `${method} is not allowed on ${pathOf(url)}: use ${methods.join(" or ")}`;
    throw new Problem("method-not-allowed", detail, { headers: { allow } });
  };
}

function refusePath({ url }: Request): never {
  throw new Problem("not-found", `nothing is at ${pathOf(url)}`);
}
