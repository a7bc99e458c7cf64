import assert from "node:assert/strict";
import { INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import { debounceEvent } from "../../runtime/engine/debounce.ts";
import { filterEvent } from "../../runtime/engine/event_filter.ts";
import { KeyShares } from "../../runtime/engine/key_shares.ts";
import { RateLimit } from "../../runtime/engine/rate_limit.ts";
import { AttemptAttributes } from "../../runtime/telemetry/attempt_attributes.ts";
import { TelemetryObserver, thrownAt } from "../../runtime/telemetry/observer.ts";
import { CAUSE, setup } from "../support/invocation.ts";
import { takesAtMost } from "../support/cpu_time.ts";

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

Deno.test("TelemetryObserver.breakerChanged says of a change that another process made, without a span", () => {
  const { observer, lines } = observing(), span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  const change = { name: "Payments", of: "dependency", openForMs: 10_000, span, elsewhere: true } as const;
  observer.breakerChanged({ ...change, from: "closed", to: "open" });
  observer.breakerChanged({ ...change, from: "open", to: "closed" });
  assert.deepEqual(lines.map(({ message, trace_id }) => [message, trace_id]), [
    [
      "breaker of dependency Payments opened in another process: for up to 10s no calls are made, and functions that " +
      "need it pull no events",
      undefined,
    ],
    ["breaker of dependency Payments is closed in another process", undefined],
  ]);
});

Deno.test("TelemetryObserver logs the outcome of an attempt with its event and its number", () => {
  const { observer, lines } = observing(), attempt = setup().newAttempt(undefined, 3);
  observer.begin(attempt);
  observer.end(attempt, { kind: "retry", reason: "shutdown", delayMs: 0, usesAttempt: false }, { ok: true });
  const [{ level, message, function: name, event_id, attempt: number, reason }] = lines;
  assert.deepEqual([level, name, event_id, number, reason], ["info", "ship", "e1", 3, "shutdown"]);
  assert.match(String(message), /^deferred, the runtime is shutting down: again in 0 ms, no attempt used up$/);
});

const fail = () => assert.fail("no tenant");
const options: [option: string, ask: (attempt: Attempt) => unknown][] = [
  ["where", (attempt) => filterEvent(fail, attempt, { read: fail, write: fail, markPrefetching: fail })],
  ["debounce.by", (attempt) => debounceEvent({ postpone: fail }, { by: fail, quietMs: 1_000, maxMs: 1_000 }, attempt)],
  ["rate.by", (attempt) => {
    const ports = { store: { read: fail, write: fail }, reportProblem: fail };
    return new RateLimit("ship", { by: fail, limit: 1, perMs: 1_000 }, ports, attempt.clock).take(attempt);
  }],
  ["concurrency.by", (attempt) => {
    const ports = { clock: attempt.clock, attempts: { read: fail, write: fail, markPrefetching: fail } };
    const shares = new KeyShares("ship", { concurrency: 1 }, { by: fail, perKey: 1 }, ports);
    return shares.enter(attempt, fail, (outcome) => outcome);
  }],
];
for (const [option, ask] of options) {
  Deno.test(`TelemetryObserver names \`${option}\` in the line of an attempt that failed in it`, async () => {
    const { observer, lines } = observing(), attempt = setup().newAttempt();
    observer.begin(attempt);
    observer.end(attempt, await ask(attempt) as Outcome, { ok: true });
    const [{ message, error, failed_option }] = lines;
    assert.match(String(message), /^attempt failed: again in /);
    assert.deepEqual([error, failed_option], ["AssertionError: no tenant (code: ERR_ASSERTION)", option]);
  });
}

Deno.test("TelemetryObserver says of an attempt that could not be settled only that", () => {
  const { observer, lines } = observing(), attempt = setup().newAttempt();
  observer.begin(attempt);
  const error = { name: "NonRetryableError", message: "no" }, closed = new Error("closed");
  observer.end(attempt, { kind: "dead-letter", reason: "rejected", attempts: 1, error }, { ok: false, error: closed });
  assert.deepEqual(lines.map(({ level, message, outcome, decided_for }) => [level, message, outcome, decided_for]), [
    ["error", "not settled: JetStream will deliver it again", "dead-letter", "NonRetryableError: no"],
  ]);
});

Deno.test("thrownAt takes time in proportion to the stack, whatever the message quotes, bounded work", () => {
  const frame = "    at ship (file:///shop/functions/ship.ts:3:9)";
  for (const quoted of ["file://a/", "file:///a/b:1:2", "    at (file://a/\n", "\n    at file://"]) {
    const at = takesAtMost(500, () => thrownAt(`Error: ${quoted.repeat(50_000)}\n${frame}`));
    assert.equal(at, "functions/ship.ts:3:9");
  }
});

Deno.test("TelemetryObserver writes a bounded line and span of an attempt with long texts, bounded work", () => {
  const { observer, lines } = observing(), long = "x ".repeat(1_000_000);
  const attempt = setup().newAttempt({ ...CAUSE, id: long, type: long, source: long });
  observer.begin(attempt);
  const error = new Error(long), { name, message, stack } = error;
  observer.end(attempt, { kind: "dead-letter", reason: "rejected", attempts: 1, error: { name, message, stack } }, {
    ok: true,
  });
  assert.ok(JSON.stringify(lines).length < 120_000, `${JSON.stringify(lines).length}`);
  const attributes = new AttemptAttributes(attempt);
  assert.ok(attributes.json().length < 10_000, `${attributes.json().length}`);
  assert.ok(JSON.stringify(attributes.values()).length < 10_000);
});
