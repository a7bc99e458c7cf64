import assert from "node:assert/strict";
import { headers, type Msg } from "@nats-io/transport-node";
import { Namespace } from "../../../runtime/core/namespace.ts";
import { outcomeText, readPublished, RepeatedIds, TailLines } from "../../../runtime/cli/events/tail_lines.ts";
import { parseReport, type SettledReport, settledReport } from "../../../runtime/nats/inspect/tail_protocol.ts";
import { errorDetail } from "../../../runtime/core/error_detail.ts";
import type { ErrorDetail, Outcome } from "../../../runtime/core/outcome.ts";

const NOW = Date.parse("2026-11-21T10:00:00.123Z");
const PLAIN = { terminal: false, colours: false };
const NAMES = { functions: ["ship", "confirmOrder"], types: ["orders.created"] };

function report(outcome: Outcome, { id = "o1", attempt = 1 } = {}): SettledReport {
  const delivery = { stream: "ORDERS", sequence: 7, subject: "orders.created" };
  const event = { id, type: "orders.created" }, span = spanOf("t");
  const settled = { functionName: "ship", delivery, event, number: attempt, span } as never;
  return settledReport({ attempt: settled, outcome, durationMs: 12.34 }, NOW, (text) => text);
}
const spanOf = (traceId: string) => ({ spanContext: () => ({ traceId }) });
const error: ErrorDetail = { name: "Error", message: "no" };
const retry = { kind: "retry", reason: "failed", usesAttempt: true } as const;

const outcomes: [outcome: Outcome, text: string][] = [
  [{ kind: "ack" }, "ack (attempt 2)"],
  [{ kind: "ack", skipped: "handled-before" }, "skipped (handled-before)"],
  [{ kind: "lease-expired" }, "lease expired (another process may own the delivery)"],
  [{ ...retry, delayMs: 2_000 }, "retry in 2s (failed, attempt 2)"],
  [{ ...retry, delayMs: 734 }, "retry in 734ms (failed, attempt 2)"],
  [{ ...retry, delayMs: 4_321 }, "retry in 4.3s (failed, attempt 2)"],
  [{ ...retry, delayMs: 61_234 }, "retry in 61s (failed, attempt 2)"],
  [{ ...retry, delayMs: 0, reason: "shutdown", usesAttempt: false }, "retry in 0ms (shutdown, no attempt used)"],
  [{ kind: "dead-letter", reason: "rejected", attempts: 2, error }, "dead-letter rejected (attempt 2)"],
  [{ kind: "dead-letter", reason: "invalid", attempts: 0, error }, "dead-letter invalid"],
];
for (const [outcome, text] of outcomes) {
  Deno.test(`outcomeText describes ${outcome.kind} as: ${text}`, () =>
    assert.equal(outcomeText(report(outcome, { attempt: 2 })), text));
}

Deno.test("TailLines does not cut lines in a pipe, and widens columns to the names of the project and to past lines", () => {
  const lines = new TailLines(PLAIN, false, NAMES);
  assert.equal(lines.settled(report({ kind: "ack" })), "10:00:00.123  ship          orders.created  o1    ack  12 ms");
  assert.equal(
    lines.settled(
      report({ ...retry, delayMs: 1_000, error: errorDetail(new TypeError("x".repeat(200))) }, { id: "o1234567" }),
    ),
    `10:00:00.123  ship          orders.created  o1234567  retry in 1s (failed, attempt 1)  12 ms  TypeError: ${
      "x".repeat(200)
    }`,
  );
  assert.equal(
    lines.settled(report({ kind: "ack" })),
    "10:00:00.123  ship          orders.created  o1        ack  12 ms",
  );
  assert.match(lines.settled(report({ kind: "ack" }), "2026-11-21T10:00:01.500Z"), /^10:00:01\.500 {2}ship /);
  assert.equal(lines.omitted(12_345, "settled"), "… 12,345 more settled");
});

Deno.test("TailLines cuts lines to the width of a terminal, except with --full", () => {
  const long = report({ ...retry, delayMs: 1_000, error: { name: "Error", message: "long ".repeat(60) } });
  const terminal = { terminal: true, colours: false, columns: 80 };
  const line = new TailLines(terminal, false, NAMES).settled(long);
  assert.equal(line.length, 80);
  assert.match(line, /retry in 1s \(failed, attempt …$/);
  assert.ok(new TailLines(terminal, true, NAMES).settled(long).length > 300);
});

Deno.test("TailLines colours outcomes on a terminal, and removes control characters of events", () => {
  const lines = new TailLines({ terminal: true, colours: true }, false, NAMES);
  assert.ok(lines.settled(report({ kind: "ack" })).includes("\u001b[32mack\u001b[39m"));
  const dead = report({ kind: "dead-letter", reason: "expired", attempts: 0, error });
  assert.ok(lines.settled(dead).includes("\u001b[31mdead-letter expired"));
  const odd = report({ kind: "ack" }, { id: "o1\u001b[31m\u009b2J\nnext" });
  assert.ok(new TailLines(PLAIN, false, NAMES).settled(odd).includes("  o1 [31m 2J next  ack"));
});

Deno.test("settledReport keeps the first line of an error, and shortens long texts", () => {
  const shortened = (message: string) => report({ ...retry, delayMs: 1, error: { name: "Error", message } }).error!;
  assert.equal(shortened("first\nsecond"), "Error: first");
  assert.equal(shortened("x".repeat(100_000)).length, 301);
  assert.ok(shortened(`${"x".repeat(292)}😀😀`).isWellFormed());
  assert.equal(report({ kind: "ack" }, { id: "i".repeat(10_000) }).id.length, 301);
});

Deno.test("parseReport reads the longest message that settledReport can produce", () => {
  const long = "\u0001".repeat(1_000);
  const delivery = { stream: "S".repeat(255), sequence: 7, subject: long };
  const event = { id: long, type: long }, span = spanOf("t".repeat(32));
  const attempt = { functionName: "f".repeat(64), delivery, event, number: 1, span } as never;
  const outcome: Outcome = { ...retry, delayMs: 1, error: { name: long, message: long } };
  const settled = settledReport({ attempt, outcome, durationMs: 1 }, NOW, (text) => text);
  const bytes = new TextEncoder().encode(JSON.stringify({ process: "p".repeat(20), settled }));
  assert.deepEqual(parseReport(bytes)?.settled?.error, settled.error);
});

Deno.test("RepeatedIds recognises an id that was published before on the same subject, and no message without an id", () => {
  const ids = new RepeatedIds();
  const published = (subject: string, id?: string) => {
    const hdrs = id === undefined ? undefined : headers();
    hdrs?.set("Nats-Msg-Id", id!);
    return ids.has({ subject, headers: hdrs, data: new Uint8Array() } as Msg);
  };
  assert.deepEqual(["a", "b", "a", undefined, undefined].map((id) => published("orders.created", id)), [
    ...[false, false, true],
    ...[false, false],
  ]);
  assert.equal(published("orders.paid", "a"), false);
  for (let n = 0; n < 10_000; n++) published("orders.created", `id-${n}`);
  assert.equal(published("orders.created", "a"), false); // the oldest are forgotten
});

Deno.test("TailLines cleans each part of a report, which any client of the account may send, and counts wide characters", () => {
  const line = (part: Partial<SettledReport>) =>
    new TailLines({ terminal: true, colours: false, columns: 80 }, false, NAMES).settled({
      ...report({ kind: "ack" }),
      ...part,
    });
  const forged = "\u001b[2J\n\u202e";
  for (
    const part of [{ function: forged }, { type: forged }, { id: forged }, { error: forged }, {
      time: `${forged}${forged}${forged}`,
    }]
  ) {
    // deno-lint-ignore no-control-regex -- the characters that must not be there
    assert.doesNotMatch(line(part), /[\u0000-\u001f\u202e]/, JSON.stringify(part));
  }
  const plain = line({ id: "o1", type: "orders.created" }), wide = line({ id: "注文", type: "orders.created" });
  assert.equal(plain.indexOf("ack") - 2, wide.indexOf("ack")); // each of the two takes two columns, and four are the least
});

Deno.test("readPublished keeps a subject of another owner's stream that begins with the namespace", () => {
  const foreign = { streams: new Set(["LEGACY"]), subjects: new Set(["eu.legacy.>"]) };
  const names = new Namespace("eu", "shop", foreign);
  const types = ["eu.legacy.told", "eu.orders.created"].map((subject) => {
    const { type, subject: shown } = readPublished(
      { subject, data: new TextEncoder().encode("{}") } as Msg,
      NOW,
      names,
    );
    return [type, shown];
  });
  assert.deepEqual(types, [["eu.legacy.told", "eu.legacy.told"], ["orders.created", "orders.created"]]);
});
