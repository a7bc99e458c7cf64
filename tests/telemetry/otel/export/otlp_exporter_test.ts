import assert from "node:assert/strict";
import {
  countDropped,
  droppedCount,
  refusalOf,
  reportDrops,
} from "../../../../runtime/telemetry/otel/export/dropped_items.ts";
import { otlpExporter } from "../../../../runtime/telemetry/otel/export/otlp_exporter.ts";
import { startCollector } from "../../../support/collector.ts";

/**
 * Sends one batch to a collector that answers so, and returns why it was not taken, and what was reported as dropped.
 */
async function exportTo(signal: "traces" | "logs", answer: () => Response) {
  await using collector = startCollector(() => Promise.resolve(answer()));
  Deno.env.set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url);
  const warnings: string[] = [], before = droppedCount(signal);
  const reportRest = reportDrops((message) => void warnings.push(message), () => 0);
  try {
    const exporter = otlpExporter<string>(() => "300", signal, (text) => new TextEncoder().encode(text));
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    exporter.export("{}", ({ error }) => resolve(error));
    const error = await promise;
    await exporter.shutdown();
    if (error) countDropped(signal, 1, refusalOf(error));
  } finally {
    reportRest();
    Deno.env.delete("OTEL_EXPORTER_OTLP_ENDPOINT");
  }
  return { warnings, dropped: droppedCount(signal) - before };
}

const answers: [signal: "traces" | "logs", what: string, answer: () => Response, dropped: number, why: RegExp][] = [
  ["traces", "takes all", () => Response.json({ partialSuccess: {} }), 0, /^$/],
  ["traces", "answers without a body", () => new Response(), 0, /^$/],
  ["traces", "answers with no JSON", () => new Response("<html>"), 0, /^$/],
  [
    "traces",
    "takes a part",
    () => Response.json({ partialSuccess: { rejectedSpans: "5", errorMessage: "too old" } }),
    5,
    /^spans were dropped: the collector rejected them: too old$/,
  ],
  [
    "logs",
    "takes a part",
    () => Response.json({ partialSuccess: { rejectedLogRecords: 7, errorMessage: "too many" } }),
    7,
    /^log records were dropped: the collector rejected them: too many$/,
  ],
  [
    "traces",
    "is unavailable",
    () => new Response("", { status: 503 }),
    1,
    /: the collector is busy or unavailable: HTTP/,
  ],
  ["logs", "is busy", () => new Response("", { status: 429 }), 1, /: the collector is busy or unavailable: HTTP 429/],
];
for (const [signal, what, answer, dropped, why] of answers) {
  Deno.test(`otlpExporter counts and explains what of the ${signal} is dropped by a collector that ${what}`, async () => {
    const result = await exportTo(signal, answer);
    assert.equal(result.dropped, dropped);
    assert.match(result.warnings.join(), why);
  });
}
