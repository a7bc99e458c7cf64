import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Publisher, Stored } from "../flow/ports.ts";
import type { OutgoingEvent } from "../nouns/event.ts";

const UTF8 = new TextEncoder();

/** Gives each published event a PRODUCER span, and the event that span's context to carry on. */
export class TracedPublisher implements Publisher {
  constructor(readonly inner: Publisher) {}

  async publish(event: OutgoingEvent, sinceMs?: number): Promise<Stored> {
    const span = trace.getTracer("weir").startSpan(`publish ${event.type}`, {
      kind: SpanKind.PRODUCER,
      attributes: {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": event.type,
        "messaging.message.id": event.id,
        "cloudevents.event_id": event.id,
        "cloudevents.event_type": event.type,
        "cloudevents.event_source": event.source,
      },
    });
    if (span.isRecording()) span.setAttribute("messaging.message.body.size", sizeOf(event.json));
    try {
      const carrier: Record<string, string> = {};
      propagation.inject(trace.setSpan(context.active(), span), carrier);
      const stored = await this.inner.publish({ ...event, trace: carrier }, sinceMs);
      span.setAttribute("weir.stream", stored.stream);
      span.setAttribute("weir.stream_sequence", stored.sequence);
      if (stored.duplicate) span.setAttribute("weir.duplicate", true);
      return stored;
    } catch (error) {
      span.recordException(error as Error);
      span.setAttribute("error.type", (error as Error).name);
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
      throw error;
    } finally {
      span.end();
    }
  }
}

/** In bytes. To encode it once more only for that is left to text that has other characters than ASCII. */
function sizeOf(text: string): number {
  // deno-lint-ignore no-control-regex -- all of ASCII
  return /^[\u0000-\u007f]*$/.test(text) ? text.length : UTF8.encode(text).length;
}
