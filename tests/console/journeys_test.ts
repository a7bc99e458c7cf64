import assert from "node:assert/strict";
import type { Settled } from "../../runtime/engine/observer.ts";
import { FunctionRecord } from "../../runtime/console/function_record.ts";
import { Journeys } from "../../runtime/console/journeys.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";

interface Given {
  readonly name: string;
  readonly id: string;
  readonly sequence: number;
  readonly trace: string;
  readonly at: number;
  readonly emits?: readonly string[];
  readonly outcome?: Outcome;
}

/** Returns a settled attempt, with as much of it as journeys read. */
function settled({ name, id, sequence, trace, at, emits = [], outcome = { kind: "ack" } }: Given): Settled {
  const attempt = {
    functionName: name,
    delivery: { stream: "SHOP", sequence, storedAtMs: at - 1 },
    event: { id, type: `shop.${id}` },
    emitted: emits.map((emitted) => ({ id: emitted, type: `shop.${emitted}` })),
    number: 1,
    startedAtMs: at,
    span: { spanContext: () => ({ traceId: trace, spanId: `${name}${at}`, traceFlags: 1 }) },
  };
  return { attempt: attempt as unknown as Settled["attempt"], outcome, durationMs: 5 };
}

const failed: Outcome = {
  kind: "retry",
  reason: "failed",
  delayMs: 250,
  usesAttempt: true,
  error: { name: "Error", message: "hush" },
};

Deno.test("Journeys.of returns the attempts of the whole flow by their start, each below the one that emitted its event", () => {
  const journeys = new Journeys((text) => text.replace("hush", "[redacted]"));
  const flow = [
    { name: "ship", id: "placed", sequence: 1, trace: "t1", at: 20, emits: ["shipped"] },
    { name: "ship", id: "placed", sequence: 1, trace: "t1", at: 10, outcome: failed },
    { name: "notify", id: "shipped", sequence: 2, trace: "t1", at: 30 },
    { name: "ship", id: "other", sequence: 3, trace: "t2", at: 15 },
  ];
  for (const one of flow) journeys.settled(settled(one));
  for (const sequence of [1, 2]) {
    const { spans, dropped } = journeys.of("SHOP", sequence);
    assert.deepEqual(spans.map(({ start, outcome, parent }) => [start, outcome, parent]), [
      [10, "retry", undefined],
      [20, "ack", undefined],
      [30, "ack", "ship20-0"],
    ]);
    assert.deepEqual([spans[0].error, spans[0].delayMs, dropped], ["Error: [redacted]", 250, 0]);
  }
  assert.deepEqual(journeys.of("SHOP", 9).spans, []);
});

Deno.test("Journeys and FunctionRecord redact an error before they shorten it, so that no part of a secret is left", () => {
  const redact = (text: string) => text.replace("hush-hush", "[redacted]");
  const outcome: Outcome = { ...failed, error: { name: "Error", message: `${"x".repeat(1_988)}hush-hush` } };
  const journeys = new Journeys(redact), record = new FunctionRecord(redact);
  const one = settled({ name: "ship", id: "placed", sequence: 1, trace: "t1", at: 10, outcome });
  journeys.settled(one);
  record.settled(one);
  for (const error of [journeys.of("SHOP", 1).spans[0].error!, record.errors()[0].error]) {
    assert.equal(error.length, 2_000);
    assert.doesNotMatch(error, /hush/);
  }
});

Deno.test("Journeys.of finds each attempt of an event without a trace of its own", () => {
  const journeys = new Journeys((text) => text);
  journeys.settled(settled({ name: "ship", id: "plain", sequence: 1, trace: "t1", at: 10, outcome: failed }));
  journeys.settled(settled({ name: "ship", id: "plain", sequence: 1, trace: "t2", at: 20, emits: ["shipped"] }));
  journeys.settled(settled({ name: "notify", id: "shipped", sequence: 2, trace: "t2", at: 30 }));
  assert.equal(journeys.of("SHOP", 2).spans.length, 3);
});

Deno.test("Journeys keeps the last 5,000 attempts, and shows 500 of a journey", () => {
  const journeys = new Journeys((text) => text);
  for (let n = 1; n <= 6_000; n++) {
    journeys.settled(settled({ name: "ship", id: "e", sequence: n, trace: n > 5_400 ? "last" : `t${n}`, at: n }));
  }
  assert.deepEqual(journeys.of("SHOP", 1_000).spans, []);
  assert.equal(journeys.of("SHOP", 1_001).spans.length, 1);
  const { spans, dropped } = journeys.of("SHOP", 6_000);
  assert.deepEqual([spans.length, dropped], [500, 100]);
  for (let n = 1; n <= 5_000; n++) {
    journeys.settled(settled({ name: "ship", id: "e", sequence: n, trace: n > 2_600 ? "last" : "all", at: n }));
  }
  assert.equal(journeys.of("SHOP", 5_000).dropped, 1_900);
});
