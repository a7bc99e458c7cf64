import assert from "node:assert/strict";
import { trace } from "@opentelemetry/api";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { TelemetryObserver } from "../../runtime/telemetry/observer.ts";
import { setup } from "../support/invocation.ts";

const CONTEXT = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "1111111111111111", traceFlags: 1 };

/** An observer, and the lines that it logs. */
function observing() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { observer: new TelemetryObserver(new Logger({ level: "debug", format: "json", write })), lines };
}

Deno.test("TelemetryObserver.breakerChanged records the change on the attempt's span, and logs it with the span's ids", () => {
  const { observer, lines } = observing(), events: unknown[] = [];
  const span = Object.assign(Object.create(trace.wrapSpanContext(CONTEXT)), {
    addEvent: (name: string) => void events.push(name),
  });
  observer.breakerChanged({ name: "ship", of: "function", from: "closed", to: "open", openForMs: 10_000, span });
  const [{ function: name, trace_id, span_id }] = lines;
  assert.deepEqual([name, trace_id, span_id], ["ship", CONTEXT.traceId, CONTEXT.spanId]);
  assert.deepEqual(events, ["weir.breaker_changed"]);
});

Deno.test("TelemetryObserver logs the outcome of an attempt with its event and its number", () => {
  const { observer, lines } = observing(), attempt = setup().newAttempt(undefined, 3);
  observer.begin(attempt);
  observer.end(attempt, { kind: "retry", reason: "shutdown", delayMs: 0, usesAttempt: false });
  const [{ level, message, function: name, event_id, attempt: number, reason }] = lines;
  assert.deepEqual([level, name, event_id, number, reason], ["info", "ship", "e1", 3, "shutdown"]);
  assert.match(String(message), /^deferred, the runtime is shutting down: again in \S+, no attempt used up$/);
});
