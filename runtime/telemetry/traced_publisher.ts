import { context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Publisher, PublishResult } from "../engine/ports.ts";
import { type Circumstances, promised, type Storing, telling, type TellingPublisher } from "../engine/storing.ts";
import type { OutgoingEvent } from "../core/event.ts";
import { injectTrace } from "./otel/propagation/trace_headers.ts";

const UTF8 = new TextEncoder();

/**
 * Starts a PRODUCER span for each published event and injects its context into the event. An event that has a context
 * already belongs to a batch, whose one span covers all its events.
 */
export class TracedPublisher implements TellingPublisher {
  readonly #inner: TellingPublisher["begin"];

  constructor(inner: Publisher) {
    this.#inner = telling(inner);
  }

  publish(event: OutgoingEvent, sinceMs?: number): Promise<PublishResult> {
    return promised(this, event, sinceMs);
  }

  begin(event: OutgoingEvent, storing: Storing, circumstances?: Circumstances): void {
    if (event.trace) return this.#inner(event, storing, circumstances);
    const { id, type, source, time, json, extensions } = event, parent = circumstances?.parent ?? context.active();
    const span = trace.getTracer("weir").startSpan(`publish ${type}`, {
      kind: SpanKind.PRODUCER,
      attributes: {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": type,
        "messaging.message.id": id,
        "cloudevents.event_id": id,
        "cloudevents.event_type": type,
        "cloudevents.event_source": source,
      },
    }, parent);
    const traced = { id, type, source, time, json, extensions, trace: injectTrace(span, parent) };
    this.#inner(traced, new Traced(span, json, storing), circumstances);
  }
}

/** One event that is being published. */
class Traced implements Storing {
  constructor(readonly span: Span, readonly json: string, readonly storing: Storing) {}

  stored(stored: PublishResult): void {
    const { span } = this;
    if (span.isRecording()) {
      span.setAttribute("messaging.message.body.size", sizeOf(this.json));
      span.setAttribute("weir.stream", stored.stream);
      span.setAttribute("weir.stream_sequence", stored.sequence);
      if (stored.duplicate) span.setAttribute("weir.duplicate", true);
    }
    span.end();
    this.storing.stored(stored);
  }

  failed(error: unknown): void {
    const { span } = this, { name, message, stack } = error as Error;
    span.setAttribute("messaging.message.body.size", sizeOf(this.json));
    span.recordException({ name, message, stack }); // its `code` would stand as the type
    span.setAttribute("error.type", name);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    span.end();
    this.storing.failed(error);
  }
}

/** Returns the bytes of text in UTF-8. Hot path: ASCII text, which is the usual case, is not encoded for it. */
function sizeOf(text: string): number {
  // deno-lint-ignore no-control-regex -- all of ASCII
  return /^[\u0000-\u007f]*$/.test(text) ? text.length : UTF8.encode(text).length;
}
