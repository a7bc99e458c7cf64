import type { Clock } from "../engine/clock.ts";

const ENCODER = new TextEncoder();

export interface EventStreamOptions {
  readonly clock: Clock;
  /** Called once, when the caller has left or the stream is closed. */
  readonly onClose: () => void;
  /** Bytes that the caller may leave unread, and what happens beyond: the stream ends, or events are left out. */
  readonly unread: { readonly bytes: number; readonly then: "end" | "skip" };
  /** Text that is sent at an interval in milliseconds: proxies end a connection that is idle for a minute. */
  readonly heartbeat: { readonly everyMs: number; readonly text: string };
  /** Milliseconds after which a browser that lost the connection connects again. @default what the browser takes */
  readonly retryMs?: number;
  /** @default {@linkcode EVENT_STREAM_HEADERS} */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A response with server-sent events (HTML, 9.2). */
export class EventStream {
  readonly response: Response;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isOpen = true;
  #cancelHeartbeat: () => void = () => {};

  constructor(readonly options: EventStreamOptions) {
    const { unread, retryMs, headers = EVENT_STREAM_HEADERS } = options;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.#end(),
    }, { highWaterMark: unread.bytes, size: (chunk) => chunk.length });
    this.response = new Response(body, { headers });
    if (retryMs !== undefined) this.#write(`retry: ${retryMs}\n\n`);
    this.#keepAlive();
  }

  /**
   * Sends an event. Returns false if it is left out, since the caller has left or does not read.
   *
   * @param id What the caller sends as `Last-Event-ID` when it connects again. Default: the last one.
   */
  send(event: string, data: unknown, id?: string): boolean {
    return this.sendText(event, JSON.stringify(data), id);
  }

  /** Sends an event, as {@linkcode send} does, whose data is JSON text already. */
  sendText(event: string, json: string, id?: string): boolean {
    return this.#write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${json}\n\n`);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#end();
    this.#controller.close();
  }

  #write(text: string): boolean {
    if (!this.#isOpen) return false;
    if (this.#controller.desiredSize! > 0) {
      this.#controller.enqueue(ENCODER.encode(text));
      return true;
    }
    if (this.options.unread.then === "skip") return false;
    this.#end();
    this.#controller.error(new Error("the caller does not read its events"));
    return false;
  }

  #keepAlive(): void {
    const { clock, heartbeat: { everyMs, text } } = this.options;
    this.#cancelHeartbeat = clock.timer(everyMs, () => {
      this.#write(text);
      if (this.#isOpen) this.#keepAlive();
    });
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#cancelHeartbeat();
    this.options.onClose();
  }
}

/** Proxies and Deno must neither keep nor compress what is to arrive at once. */
export const EVENT_STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};
