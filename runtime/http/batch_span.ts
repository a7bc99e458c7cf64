import { type Context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

/**
 * The PRODUCER span of all events that one request publishes. Each event carries its context. Hot path: a span for each
 * event would cost as much as storing the event, and would be kept until the end of the request.
 */
export class BatchSpan {
  #span: Span | undefined;
  #carrier: Readonly<Record<string, string>> = {};
  #type: string | undefined;
  #hasOneType = true;
  #count = 0;
  #error: Error | undefined;

  constructor(readonly parent: Context) {}

  /** Counts an event and returns the trace headers that it carries. The first event starts the span. */
  add(type: string): Readonly<Record<string, string>> {
    this.#count++;
    if (this.#span) {
      if (type !== this.#type) this.#hasOneType = false;
      return this.#carrier;
    }
    this.#type = type;
    this.#span = trace.getTracer("weir").startSpan("publish", {
      kind: SpanKind.PRODUCER,
      attributes: {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
      },
    }, this.parent);
    propagation.inject(trace.setSpan(this.parent, this.#span), this.#carrier);
    return this.#carrier;
  }

  /** Records the error of an event that is not known to be stored. The span keeps the first. */
  failed(error: unknown): void {
    this.#error ??= error as Error;
  }

  end(): void {
    const span = this.#span, error = this.#error;
    if (!span) return;
    span.setAttribute("messaging.batch.message_count", this.#count);
    if (this.#hasOneType) {
      span.updateName(`publish ${this.#type}`).setAttribute("messaging.destination.name", this.#type!);
    }
    if (error) {
      const { name, message, stack } = error;
      span.recordException({ name, message, stack }); // its `code` would stand as the type
      span.setAttribute("error.type", name);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    span.end();
  }
}
