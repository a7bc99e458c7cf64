import { systemClock } from "../engine/system_clock.ts";
import { EVENT_STREAM_HEADERS, EventStream } from "../http/event_stream.ts";
import { type Route, route } from "../http/router.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";

/** How a page reads: it connects again by itself, and has lost the process if no event `alive` comes. */
const PAGE = {
  retryMs: 2_000,
  heartbeat: { everyMs: 3_000, text: "event: alive\ndata: {}\n\n" },
  unread: { bytes: 1_048_576, then: "skip" },
  headers: { ...SECURITY_HEADERS, ...EVENT_STREAM_HEADERS },
} as const;

/** Returns a route that answers with a stream. HEAD opens none: nothing would read it, and so it would never end. */
export function streamRoute(path: string, open: (request: Request) => Response): Route {
  return route("GET", path, (request) => {
    return request.method === "HEAD" ? new Response(null, { headers: PAGE.headers }) : open(request);
  });
}

/**
 * Opens a stream of events to one page.
 *
 * @param stopping Ends the stream when the process stops.
 * @param onClose Called once, when the page is closed or the stream ends.
 */
export function openStream(stopping: AbortSignal, onClose: () => void): EventStream {
  const onStop = () => stream.close();
  const stream = new EventStream({
    ...PAGE,
    clock: systemClock,
    onClose: () => {
      stopping.removeEventListener("abort", onStop);
      onClose();
    },
  });
  stopping.addEventListener("abort", onStop);
  if (stopping.aborted) queueMicrotask(onStop); // once the caller has the stream
  return stream;
}
