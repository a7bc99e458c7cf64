import type { Clock } from "../engine/clock.ts";

/** Milliseconds between two comments that keep the connection: proxies end one that is idle for a minute. */
const PING_MS = 15_000;
/** Events that the caller may leave unread. */
const MAX_UNREAD = 1_000;
const ENCODER = new TextEncoder();

/** A response with server-sent events (HTML, 9.2). */
export class EventStream {
  readonly response: Response;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isOpen = true;
  #cancelPing: () => void = () => {};

  /** @param onClose Called once, when the caller has left or the stream is closed. */
  constructor(readonly onClose: () => void, readonly clock: Clock) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.#end(),
    });
    this.response = new Response(body, { headers: EVENT_STREAM_HEADERS });
    this.#ping();
  }

  /** @param id What the caller sends as `Last-Event-ID` when it connects again. Default: the last one. */
  send(event: string, data: unknown, id?: string): void {
    this.#write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#end();
    this.#controller.close();
  }

  #write(text: string): void {
    if (!this.#isOpen) return;
    if (this.#controller.desiredSize! < -MAX_UNREAD) {
      this.#end();
      return this.#controller.error(new Error("the caller does not read its events"));
    }
    this.#controller.enqueue(ENCODER.encode(text));
  }

  #ping(): void {
    this.#cancelPing = this.clock.timer(PING_MS, () => {
      this.#write(":\n\n");
      if (this.#isOpen) this.#ping();
    });
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#cancelPing();
    this.onClose();
  }
}

/** Proxies and Deno must neither keep nor compress what is to arrive at once. */
export const EVENT_STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};
