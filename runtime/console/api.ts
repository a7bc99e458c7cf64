import { Problem } from "../http/problem.ts";
import { type Handler, pathOf, type Route, route, router } from "../http/router.ts";
import { ConsoleAccess } from "./access.ts";
import { deadLetterRoutes } from "./dead_letter_routes.ts";
import { eventRoutes } from "./event_routes.ts";
import { streamRoute } from "./event_stream.ts";
import { functionRoutes } from "./function_routes.ts";
import { graphOf } from "./graph.ts";
import { Journeys } from "./journeys.ts";
import { isDenied } from "./list_consumers.ts";
import { LiveFeed } from "./live_feed.ts";
import { LiveStatusReader } from "./live_status.ts";
import type { ConsoleOptions } from "./options.ts";
import { publishRoutes } from "./publish_routes.ts";
import { Recorder } from "./recorder.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";
import { sessionRoutes } from "./session_routes.ts";

const API = "/console/api/";

/** Opens the API of the console. It needs the key if there is one, except to sign in. */
export function openApi(options: ConsoleOptions, stopping: AbortSignal): Handler {
  const recorder = new Recorder(options), access = new ConsoleAccess(options);
  stopping.addEventListener("abort", () => recorder.stop());
  if (options.dev) recorder.use();
  const problemOf = (error: unknown) => isDenied(error) ? denied(error as Error) : options.problemOf(error);
  const open = router(sessionRoutes(options, access), { problemOf });
  const guarded = router(apiRoutes(options, recorder, stopping), { problemOf });
  return async (request) => {
    const path = pathOf(request.url);
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
    streamRoute("/console/api/live", ({ url }) => live.open(new URL(url).searchParams.get("function") ?? undefined)),
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

function denied({ message }: Error): Problem {
  return new Problem("forbidden", `the NATS user of this process may not do that: ${message}`);
}

/** Adds the headers of the console to a response of its API, which no cache may keep. */
function secured(response: Response): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value);
  response.headers.set("cache-control", "no-store");
  return response;
}
