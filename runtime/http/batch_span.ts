import { type Context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

/**
 * One PRODUCER span for all that a request of many events publishes, whose context each of them carries on. One for each
 * would be kept until the request ends, since it may fail, and takes as long as to store the event.
 */
export class BatchSpan {
  #span: Span | undefined;
  #carrier: Readonly<Record<string, string>> = {};
  #type: string | undefined;
  #ofOneType = true;
  #count = 0;
  #error: Error | undefined;

  constructor(readonly parent: Context) {}

  /** Begins with the first event. Gives what each carries on. */
  add(type: string): Readonly<Record<string, string>> {
    this.#count++;
    if (this.#span) {
      if (type !== this.#type) this.#ofOneType = false;
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

  /** One of them is not known to be stored. */
  failed(error: unknown): void {
    this.#error ??= error as Error;
  }

  end(): void {
    const span = this.#span, error = this.#error;
    if (!span) return;
    span.setAttribute("messaging.batch.message_count", this.#count);
    if (this.#ofOneType) {
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
