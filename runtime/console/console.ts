import { Problem } from "../http/problem.ts";
import { type Handler, pathOf, type Route, route, router } from "../http/router.ts";
import { ConsoleAccess } from "./access.ts";
import { assetResponse, pageResponse, SECURITY_HEADERS } from "./assets.ts";
import { deadLetterRoutes } from "./dead_letter_routes.ts";
import { eventRoutes } from "./event_routes.ts";
import { functionRoutes } from "./function_routes.ts";
import { graphOf } from "./graph.ts";
import { Journeys } from "./journeys.ts";
import { LiveFeed } from "./live_feed.ts";
import { LiveStatusReader } from "./live_status.ts";
import type { ConsoleOptions } from "./options.ts";
import { publishRoutes } from "./publish_routes.ts";
import { Recorder } from "./recorder.ts";
import { sessionRoutes } from "./session_routes.ts";

const API = "/console/api/", ASSETS = "/console/assets/";

/** Opens the console: its pages, which any caller may load, and its API, which needs the key if there is one. */
export function openConsole(options: ConsoleOptions, stopping: AbortSignal): Handler {
  const recorder = new Recorder(options), access = new ConsoleAccess(options);
  stopping.addEventListener("abort", () => recorder.stop());
  if (options.dev) recorder.use();
  const { problemOf } = options;
  const open = router(sessionRoutes(options, access), { problemOf });
  const guarded = router(apiRoutes(options, recorder, stopping), { problemOf });
  return async (request) => {
    const path = pathOf(request.url);
    if (path.startsWith(ASSETS)) return assetResponse(request, path.slice(ASSETS.length));
    if (!path.startsWith(API)) return page(request);
    if (/^(session|sign-in|sign-out)$/.test(path.slice(API.length))) return secured(await open(request));
    access.check(request, Date.now());
    return secured(await guarded(request));
  };
}

function apiRoutes(options: ConsoleOptions, recorder: Recorder, stopping: AbortSignal): Route[] {
  const journeys = options.dev ? keepJourneys(options, stopping) : undefined;
  const graph = graphOf(options.registry), reader = new LiveStatusReader(options, recorder);
  const live = new LiveFeed(options, reader, recorder, graph.revision, stopping);
  return [
    route("GET", "/console/api/graph", () => Response.json(graph)),
    route("GET", "/console/api/live", ({ url }) => live.open(new URL(url).searchParams.get("function") ?? undefined)),
    ...functionRoutes(options, recorder, reader),
    ...eventRoutes(options, journeys, stopping),
    ...deadLetterRoutes(options),
    ...publishRoutes(options),
  ];
}

function keepJourneys({ outcomes, redact }: ConsoleOptions, stopping: AbortSignal): Journeys {
  const journeys = new Journeys(redact), end = outcomes.listen((settled) => journeys.settled(settled));
  stopping.addEventListener("abort", end);
  return journeys;
}

function page(request: Request): Response {
  if (request.method === "GET" || request.method === "HEAD") return pageResponse(request);
  throw new Problem("method-not-allowed", "a page is only read", { headers: { allow: "GET, HEAD" } });
}

/** Adds the headers of the console to a response of its API, which no cache may keep. */
function secured(response: Response): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value);
  response.headers.set("cache-control", "no-store");
  return response;
}
