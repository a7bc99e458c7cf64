import { type Handler, pathOf, type Route, route } from "../http/router.ts";
import type { ConsoleOptions } from "./options.ts";

/** The console of a process. */
export interface ConsoleRoutes {
  readonly routes: readonly Route[];
  /** Ends the streams of events of open pages. */
  stop(): void;
}

/**
 * Returns the routes of the console. The pages are loaded with the first request for one, and the API with its first
 * request. In `dev` the API is loaded at the start, since it keeps the journeys of events.
 */
export function consoleRoutes(options: ConsoleOptions): ConsoleRoutes {
  const stopping = new AbortController();
  let api: Promise<Handler> | undefined;
  const loadApi = () => api ??= import("./api.ts").then(({ openApi }) => openApi(options, stopping.signal));
  const handle = async (request: Request) => {
    if (pathOf(request.url).startsWith("/console/api/")) return (await loadApi())(request);
    const { pageRoute } = await import("./assets.ts");
    return pageRoute(request);
  };
  if (options.dev) void loadApi();
  const methods = ["GET", "POST", "DELETE"] as const;
  return {
    routes: [
      route("GET", "/", handle),
      route("GET", "/console", handle),
      ...methods.map((method) => route(method, "/console/*", handle)),
    ],
    stop: () => stopping.abort(),
  };
}
