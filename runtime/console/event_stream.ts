import { type Route, route } from "../http/router.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";

/** Milliseconds after which a browser that lost the connection connects again. */
const RETRY_MS = 2_000;
/** Milliseconds between two events `alive`: a page that gets none has lost the process. */
const BEAT_MS = 3_000;
/** Bytes that wait for a slow reader before messages are left out. */
const MAX_WAITING = 1_048_576;

const ENCODER = new TextEncoder();
const HEADERS = { ...SECURITY_HEADERS, "content-type": "text/event-stream", "cache-control": "no-store" };

/** Returns a route that answers with a stream. HEAD opens none: nothing would read it, and so it would never end. */
export function streamRoute(path: string, open: (request: Request) => Response): Route {
  return route("GET", path, (request) => {
    return request.method === "HEAD" ? new Response(null, { headers: HEADERS }) : open(request);
  });
}

/** Server-sent events to one open page. */
export class EventStream {
  readonly response: Response;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #ended = false;
  readonly #beat: ReturnType<typeof setInterval>;
  readonly #onStop = () => this.end();

  /**
   * @param stopping Ends the stream when the process stops.
   * @param onEnd Called once, when the page is closed or the stream ends.
   */
  constructor(readonly stopping: AbortSignal, readonly onEnd: () => void) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.#end(),
    }, { highWaterMark: MAX_WAITING, size: (chunk) => chunk.length });
    this.response = new Response(body, { headers: HEADERS });
    this.#beat = setInterval(() => this.send("alive", {}), BEAT_MS);
    this.#write(`retry: ${RETRY_MS}\n\n`);
    stopping.addEventListener("abort", this.#onStop);
    if (stopping.aborted) this.end();
  }

  /** Sends an event. Returns false if it is left out, since the page does not read the earlier ones. */
  send(event: string, data: unknown): boolean {
    return this.sendText(event, JSON.stringify(data));
  }

  /** Sends an event whose data is JSON text already. */
  sendText(event: string, json: string): boolean {
    return this.#write(`event: ${event}\ndata: ${json}\n\n`);
  }

  end(): void {
    if (this.#ended) return;
    this.#controller.close();
    this.#end();
  }

  #write(text: string): boolean {
    if (this.#ended || (this.#controller.desiredSize ?? 0) <= 0) return false;
    this.#controller.enqueue(ENCODER.encode(text));
    return true;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#beat);
    this.stopping.removeEventListener("abort", this.#onStop);
    this.onEnd();
  }
}
