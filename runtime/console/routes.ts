import type { Handler } from "../http/router.ts";
import { type Route, route } from "../http/router.ts";
import type { ConsoleOptions } from "./options.ts";

/** The console of a process. */
export interface ConsoleRoutes {
  readonly routes: readonly Route[];
  /** Ends the streams of events of open pages. */
  stop(): void;
}

/**
 * Returns the routes of the console. Everything else of the console is loaded with the first request, except in `dev`,
 * which keeps the journeys of events from its start.
 */
export function consoleRoutes(options: ConsoleOptions): ConsoleRoutes {
  const stopping = new AbortController();
  let loaded: Promise<Handler> | undefined;
  const load = () => loaded ??= import("./console.ts").then(({ openConsole }) => openConsole(options, stopping.signal));
  const handle = async (request: Request) => (await load())(request);
  if (options.dev) void load();
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
