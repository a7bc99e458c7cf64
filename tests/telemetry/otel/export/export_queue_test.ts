import assert from "node:assert/strict";
import { ExportResultCode } from "@opentelemetry/core";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { countDropped, droppedCount, reportDrops } from "../../../../runtime/telemetry/otel/export/dropped_items.ts";
import { ExportQueue } from "../../../../runtime/telemetry/otel/export/export_queue.ts";
import type { RecordedSpan } from "../../../../runtime/telemetry/otel/spans/recorded_span.ts";
import { RecordingTracerProvider } from "../../../../runtime/telemetry/otel/spans/recording_tracer.ts";
import { SpanBatch } from "../../../../runtime/telemetry/otel/spans/span_batch.ts";
import { Logger } from "../../../../runtime/telemetry/otel/logs/logger.ts";
import { eventually } from "../../../support/eventually.ts";

const OK = { code: ExportResultCode.SUCCESS }, FAILED = { code: ExportResultCode.FAILED };
type Done = (result: typeof OK) => void;

const add = (item: number, batch: number[] = []) => [...batch, item];

/** A queue of ten items with batches of four. Without `answer`, the test answers each export through `answers`. */
function setup(answer?: (items: number[], done: Done) => void, concurrency = 1) {
  const sent: number[][] = [], answers: Done[] = [];
  const before = droppedCount("traces");
  const queue = new ExportQueue<number, number[]>({
    signal: "traces",
    add,
    capacity: 10,
    batchSize: 4,
    concurrency,
    delayMs: 1,
    timeoutMs: 60_000,
    exporter: {
      export: (items, done) => {
        sent.push(items);
        if (answer) answer(items, done);
        else answers.push(done);
      },
      shutdown: () => Promise.resolve(),
    },
  });
  return { queue, sent, answers, dropped: () => droppedCount("traces") - before };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

Deno.test("ExportQueue sends a full batch at once, and the next one after the response", async () => {
  const { queue, sent, answers, dropped } = setup();
  for (const n of numbers(8)) queue.push(n);
  assert.deepEqual(sent, [[0, 1, 2, 3]]);
  answers.shift()!(OK);
  await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(sent, [[0, 1, 2, 3], [4, 5, 6, 7]]);
  answers.shift()!(OK);
  await queue.shutdown(1_000);
  assert.equal(dropped(), 0);
});

Deno.test("ExportQueue keeps `concurrency` requests in flight, and sends the rest after the first response", async () => {
  const { queue, sent, answers, dropped } = setup(undefined, 2);
  for (const n of numbers(10)) queue.push(n);
  assert.deepEqual(sent, [[0, 1, 2, 3], [4, 5, 6, 7]]);
  const ended = queue.shutdown(60_000);
  answers.pop()!(OK);
  answers.pop()!(OK);
  await eventually(() => sent.length === 3);
  assert.deepEqual(sent[2], [8, 9]);
  answers.pop()!(OK);
  await ended;
  assert.equal(dropped(), 0);
});

Deno.test("ExportQueue.shutdown drops what the collector has not accepted in time", async () => {
  const { queue, dropped } = setup(undefined, 2);
  for (const n of numbers(10)) queue.push(n);
  await queue.shutdown(1);
  assert.equal(dropped(), 10);
});

Deno.test("ExportQueue sends a batch that is not full after the delay", async () => {
  const { queue, sent } = setup((_, done) => done(OK));
  queue.push(1);
  await eventually(() => sent.length > 0);
  assert.deepEqual(sent, [[1]]);
  await queue.shutdown(1_000);
});

Deno.test("ExportQueue drops and counts items beyond its capacity while the collector does not answer", async () => {
  const { queue, sent, dropped } = setup();
  for (const n of numbers(100_000)) queue.push(n);
  assert.equal(sent.length, 1);
  assert.equal(dropped(), 100_000 - 4 - 10);
  await queue.shutdown(1);
  assert.equal(dropped(), 100_000);
});

Deno.test("ExportQueue sends a batch at 4 MB, and drops and counts items beyond 32 MB that wait", async () => {
  const sent: number[] = [], before = droppedCount("traces"), mb = 1_048_576;
  const queue = new ExportQueue<number, { bytes: number }>({
    signal: "traces",
    add: (bytes, batch = { bytes: 0 }) => ({ bytes: batch.bytes + bytes }),
    bytesOf: ({ bytes }) => bytes,
    capacity: 1_000,
    batchSize: 100,
    concurrency: 1,
    delayMs: 60_000,
    timeoutMs: 60_000,
    exporter: { export: ({ bytes }) => void sent.push(bytes), shutdown: () => Promise.resolve() },
  });
  for (const _ of numbers(50)) queue.push(mb);
  assert.deepEqual(sent, [4 * mb]);
  assert.equal(droppedCount("traces") - before, 50 - 4 - 32);
  await queue.shutdown(1);
});

Deno.test("ExportQueue drops and counts a span that cannot be serialized, without throwing", async () => {
  const before = droppedCount("traces"),
    sent: string[] = [],
    collector = new RecordingTracerProvider(
      new AlwaysOnSampler(),
      {
        wants: () => true,
        keep: (span) => queue.push(span),
      },
    );
  const queue: ExportQueue<RecordedSpan, SpanBatch> = new ExportQueue({
    signal: "traces",
    add: (span, batch = new SpanBatch('"resource":{}')) => batch.add(span),
    capacity: 10,
    batchSize: 4,
    concurrency: 1,
    delayMs: 60_000,
    timeoutMs: 60_000,
    exporter: {
      export: (batch, done) => {
        sent.push(new TextDecoder().decode(batch.end()));
        done(OK);
      },
      shutdown: () => Promise.resolve(),
    },
  });
  const tracer = collector.getTracer("weir");
  const odd = tracer.startSpan("odd").addLink({ context: undefined! });
  for (const span of [odd, tracer.startSpan("first"), tracer.startSpan(undefined!), tracer.startSpan("second")]) {
    span.end();
  }
  await queue.shutdown(1_000);
  const names = sent.flatMap((text) => JSON.parse(text).resourceSpans[0].scopeSpans)
    .flatMap(({ spans }) => spans.map(({ name }: { name: string }) => name));
  assert.deepEqual([names, droppedCount("traces") - before], [["first", "second"], 2]);
});

Deno.test("ExportQueue drops and counts a refused batch, and sends the next", async () => {
  const { queue, sent, dropped } = setup((items, done) => done(items[0] === 0 ? FAILED : OK));
  for (const n of numbers(9)) queue.push(n);
  await queue.flush();
  assert.deepEqual(sent, [[0, 1, 2, 3], [4, 5, 6, 7], [8]]);
  assert.equal(dropped(), 4);
  await queue.shutdown(1_000);
});

Deno.test("ExportQueue drops the batch if the exporter throws", async () => {
  const { queue, dropped } = setup(() => {
    throw new Error("no");
  });
  for (const n of numbers(4)) queue.push(n);
  await queue.shutdown(1_000);
  assert.equal(dropped(), 4);
});

Deno.test("ExportQueue drops items after shutdown", async () => {
  const { queue, sent, dropped } = setup((_, done) => done(OK));
  await queue.shutdown(1_000);
  queue.push(1);
  assert.deepEqual([sent, dropped()], [[], 1]);
});

Deno.test("reportDrops logs the first drop at once, later ones every 30 seconds, and the rest at the end", () => {
  const lines: string[] = [];
  let now = 0;
  const log = new Logger({ level: "info", format: "json", write: (line) => lines.push(line) });
  const reportRest = reportDrops(log.warn, () => now);
  const logs = new ExportQueue<number, number[]>({
    signal: "logs",
    add,
    capacity: 0,
    batchSize: 1,
    concurrency: 1,
    delayMs: 1,
    timeoutMs: 1,
    exporter: { export: () => {}, shutdown: () => Promise.resolve() },
  });
  const before = droppedCount("logs");
  for (const _ of numbers(10)) logs.push(1);
  now = 30_000;
  for (const _ of numbers(5)) logs.push(1);
  reportRest();
  const reported = lines.map((line) => JSON.parse(line)).map(({ level, signal, dropped }) => [level, signal, dropped]);
  assert.deepEqual(reported, [["warn", "logs", 1], ["warn", "logs", 10], ["warn", "logs", 4]]);
  assert.equal(droppedCount("logs") - before, 15);
});

Deno.test("reportDrops logs once, even if its own log record is dropped", () => {
  const lines: string[] = [];
  const log = new Logger({
    level: "info",
    format: "json",
    write: (line) => {
      lines.push(line);
      if (lines.length < 10) countDropped("logs", 1, "full");
    },
  });
  const reportRest = reportDrops(log.warn, () => 0);
  countDropped("logs", 1, "full");
  assert.equal(lines.length, 1);
  reportRest();
});

const refusals: [error: Error | undefined, reason: RegExp][] = [
  [
    Object.assign(new Error("Unauthorized"), { code: 401 }),
    /HTTP 401: check the credentials in OTEL_EXPORTER_OTLP_HEADERS$/,
  ],
  [Object.assign(new Error("Not Found"), { code: 404 }), /HTTP 404: check the path of OTEL_EXPORTER_OTLP_ENDPOINT$/],
  [Object.assign(new Error("Teapot"), { code: 418 }), /HTTP 418$/],
  [
    Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
    /cannot be reached: connect ECONNREFUSED$/,
  ],
];
for (const [error, reason] of refusals) {
  Deno.test(`reportDrops says why the collector did not accept an export: ${error?.message}`, async () => {
    const { queue } = setup((_, done) => (done as (result: object) => void)({ ...FAILED, error }));
    const messages: string[] = [];
    const reportRest = reportDrops((message) => void messages.push(message));
    queue.push(1);
    await queue.shutdown(1_000);
    reportRest();
    assert.match(messages[0], new RegExp(`^spans were dropped: .*${reason.source}`));
  });
}
