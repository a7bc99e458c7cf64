import assert from "node:assert/strict";
import { context, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, createAlwaysRecordSampler } from "@opentelemetry/sdk-trace";
import { ExportQueue } from "../../../../runtime/telemetry/otel/export/export_queue.ts";
import { SpanBatch } from "../../../../runtime/telemetry/otel/spans/span_batch.ts";
import type { RecordedSpan } from "../../../../runtime/telemetry/otel/spans/recorded_span.ts";
import { RecordingTracerProvider } from "../../../../runtime/telemetry/otel/spans/recording_tracer.ts";
import { type SpanQueue, TailSampler } from "../../../../runtime/telemetry/otel/spans/tail_sampler.ts";

/** A tracer whose spans are not sampled, and the names of those that tail sampling keeps. */
function setup() {
  const queue: SpanQueue = new ExportQueue({
    signal: "traces",
    capacity: 1_000_000,
    batchSize: 1_000_000,
    concurrency: 1,
    delayMs: 60_000,
    timeoutMs: 60_000,
    add: (span, batch = new SpanBatch("")) => {
      kept.push(span.name);
      return batch;
    },
    exporter: { export: (_, done) => done({ code: 0 }), shutdown: () => Promise.resolve() },
  });
  const kept: string[] = [];
  const sampler = createAlwaysRecordSampler(new AlwaysOffSampler());
  const tracer = new RecordingTracerProvider(
    sampler,
    new TailSampler(queue, ({ attributes }) => attributes.kept === true),
  ).getTracer("test");
  const start = (name: string, above?: Span) =>
    tracer.startSpan(name, {}, above ? trace.setSpan(context.active(), above) : context.active());
  const finish = async () => {
    await queue.shutdown(1_000);
    return kept;
  };
  return { tracer, start, finish };
}

Deno.test("TailSampler keeps neither a successful span nor its descendants", async () => {
  const { start, finish } = setup();
  const attempt = start("attempt"), call = start("call", attempt);
  call.end();
  attempt.setAttribute("kept", false).end();
  assert.deepEqual(await finish(), []);
});

Deno.test("TailSampler keeps a selected span with its descendants", async () => {
  const { start, finish } = setup();
  const attempt = start("attempt"), step = start("step", attempt), call = start("call", step), other = start("other");
  call.end();
  step.end();
  other.end();
  attempt.setAttribute("kept", true).end();
  assert.deepEqual(await finish(), ["call", "step", "attempt"]);
});

Deno.test("TailSampler keeps a failed span without its successful parent", async () => {
  const { start, finish } = setup();
  const attempt = start("attempt"), call = start("call", attempt);
  call.setStatus({ code: SpanStatusCode.ERROR }).end();
  attempt.end();
  assert.deepEqual(await finish(), ["call"]);
});

Deno.test("TailSampler does not keep a child that ends after its parent", async () => {
  const { start, finish } = setup();
  const attempt = start("attempt"), call = start("call", attempt);
  attempt.setAttribute("kept", true).end();
  call.end();
  assert.deepEqual(await finish(), ["attempt"]);
});

Deno.test("RecordedSpan refers to neither its parent nor its descendants once it has ended", () => {
  const { start } = setup();
  const attempt = start("attempt") as RecordedSpan, call = start("call", attempt) as RecordedSpan;
  assert.equal(call.parent, attempt);
  call.end();
  assert.deepEqual([call.parent, attempt.held], [undefined, [call]]);
  attempt.end();
  assert.deepEqual([attempt.parent, attempt.held], [undefined, undefined]);
  assert.equal((start("late", attempt) as RecordedSpan).parent, undefined);
});

Deno.test("TailSampler holds at most ten thousand descendants of a span", async () => {
  const { start, finish } = setup();
  const attempt = start("attempt"), step = start("step", attempt);
  for (let n = 0; n < 6_000; n++) start("call", step).end();
  for (let n = 0; n < 6_000; n++) start("call", attempt).end();
  step.end();
  attempt.setAttribute("kept", true).end();
  const kept = await finish();
  assert.equal(kept.length, 10_001);
  assert.equal(kept.at(-1), "attempt");
});
