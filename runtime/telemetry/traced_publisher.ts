import { Buffer } from "node:buffer";
import { context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Publisher, PublishListener, PublishOptions, PublishResult } from "../engine/publisher.ts";
import type { OutgoingEvent } from "../core/event.ts";
import { injectTrace } from "./otel/propagation/trace_headers.ts";

/**
 * Starts a PRODUCER span for each published event and injects its context into the event. An event that has a context
 * already belongs to a batch, whose one span covers all its events.
 */
export class TracedPublisher implements Publisher {
  constructor(readonly inner: Publisher) {}

  publish(event: OutgoingEvent, listener: PublishListener, options?: PublishOptions): void {
    if (event.trace) return this.inner.publish(event, listener, options);
    const { id, type, source, time, json, version, extensions, hops, delayed } = event,
      parent = options?.parent ?? context.active();
    const span = trace.getTracer("weir").startSpan(`publish ${type}`, {
      kind: SpanKind.PRODUCER,
      attributes: {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": type,
        "messaging.message.id": id,
        "messaging.message.body.size": Buffer.byteLength(json),
        "cloudevents.event_id": id,
        "cloudevents.event_type": type,
        "cloudevents.event_source": source,
      },
    }, parent);
    if (delayed) span.setAttribute("weir.delayed_until", new Date(delayed.atMs).toISOString());
    const traced = {
      ...{ id, type, source, time, json, version, extensions, hops, trace: injectTrace(span, parent) },
      ...(delayed && { delayed }),
    };
    this.inner.publish(traced, new Traced(span, listener), options);
  }
}

class Traced implements PublishListener {
  constructor(readonly span: Span, readonly listener: PublishListener) {}

  stored(stored: PublishResult): void {
    const { span } = this;
    if (span.isRecording()) {
      span.setAttribute("weir.stream", stored.stream);
      span.setAttribute("weir.stream_sequence", stored.sequence);
      if (stored.duplicate) span.setAttribute("weir.duplicate", true);
    }
    span.end();
    this.listener.stored(stored);
  }

  failed(error: unknown): void {
    const { span } = this, { name, message, stack } = error as Error;
    span.recordException({ name, message, stack }); // its `code` would stand as the type
    span.setAttribute("error.type", name);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    span.end();
    this.listener.failed(error);
  }
}
