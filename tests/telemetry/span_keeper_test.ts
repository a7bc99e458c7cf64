import assert from "node:assert/strict";
import { context, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  createAlwaysRecordSampler,
  type ReadableSpan,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { ExportQueue } from "../../runtime/telemetry/export_queue.ts";
import { SpanKeeper } from "../../runtime/telemetry/span_keeper.ts";

/** A tracer of which no span is sampled, and the names of those that are kept. */
function setup() {
  const kept: string[] = [];
  const queue = new ExportQueue<ReadableSpan>({
    signal: "traces",
    capacity: 1_000_000,
    batch: 1_000_000,
    delayMs: 60_000,
    timeoutMs: 60_000,
    exporter: {
      export: (spans, done) => {
        kept.push(...spans.map(({ name }) => name));
        done({ code: 0 });
      },
      shutdown: () => Promise.resolve(),
    },
  });
  const sampler = createAlwaysRecordSampler(new AlwaysOffSampler());
  const provider = new TracerProvider({ sampler, spanProcessors: [new SpanKeeper(queue)] });
  const tracer = provider.getTracer("test");
  const start = (name: string, above?: Span) =>
    tracer.startSpan(name, {}, above ? trace.setSpan(context.active(), above) : context.active());
  const finish = async () => {
    await provider.shutdown();
    return kept;
  };
  return { tracer, start, finish };
}

Deno.test("a span that ends well is not kept, nor what is below it", async () => {
  const { start, finish } = setup();
  const attempt = start("attempt"), call = start("call", attempt);
  call.end();
  attempt.setAttribute("weir.outcome", "ack").end();
  assert.deepEqual(await finish(), []);
});

Deno.test("one that does not is kept with all that was below it", async () => {
  const { start, finish } = setup();
  const attempt = start("attempt"), step = start("step", attempt), call = start("call", step), other = start("other");
  call.end();
  step.end();
  other.end();
  attempt.setAttribute("weir.outcome", "retry").end();
  assert.deepEqual(await finish(), ["call", "step", "attempt"]);
});

Deno.test("an error below a span that ends well is kept alone", async () => {
  const { start, finish } = setup();
  const attempt = start("attempt"), call = start("call", attempt);
  call.setStatus({ code: SpanStatusCode.ERROR }).end();
  attempt.end();
  assert.deepEqual(await finish(), ["call"]);
});

Deno.test("what is below spans that never end is not remembered for ever", async () => {
  const { start, finish } = setup();
  const first = start("first");
  start("below the first", first).end();
  for (let n = 0; n < 10_000; n++) start("below another", start("another")).end();
  first.setAttribute("weir.outcome", "retry").end();
  assert.deepEqual(await finish(), ["first"]);
});
