import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { assertAcked, invoke, MemoryIdempotencyStore, type RecordedEvent, TestClock } from "weir/testing";
import { z } from "zod";
import confirmOrder from "../../functions/confirmOrder.ts";
import { strangeValues } from "../support/strange_values.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
const Greeted = defineEvent({ type: "demo.greeted", version: 1, data: z.object({ text: z.string() }) });
const ADA = { name: "Ada" };

for (
  const [what, value] of Object.entries({ "an error": new Error("no"), "undefined": undefined, ...strangeValues() })
) {
  Deno.test(`invoke takes the way of a log line in production: ${what}`, async () => {
    const logs = defineFunction({ on: "demo.asked" }, async (_event, { log, span }) => {
      await Promise.reject(value).catch(log.error);
      await Promise.reject(value).catch((error) => span.recordException(error));
      log.warn("https://shop.example/?key=1", value);
    });
    const { outcome, logs: lines } = await invoke(logs, {});
    assert.deepEqual(outcome, { kind: "ack" });
    assert.deepEqual(lines.map(({ level }) => level), ["error", "warn"]);
    assert.equal(lines[1].message, "https://shop.example/?[redacted]");
  });
}

for (
  const [onFailure, reason] of [["block", "blocks-key"], ["dead-letter", "attempts-exhausted"]] as const
) {
  Deno.test(`invoke of a function with \`order\` ends the last attempt as ${reason}`, async () => {
    const fails = defineFunction({ on: Asked, order: { by: ({ data }) => data.name, onFailure } }, () => {
      throw new Error("down");
    });
    const { outcome } = await invoke(fails, ADA, { attempt: 5 });
    assert.equal("reason" in outcome && outcome.reason, reason);
  });
}

Deno.test("invoke aborts the signal of a handler at its timeout", async () => {
  let aborted = false;
  const hangs = defineFunction({ on: Asked, timeout: "30s" }, (_event, ctx) => {
    ctx.signal.addEventListener("abort", () => aborted = true);
    return new Promise(() => {});
  });
  const clock = new TestClock(), running = invoke(hangs, ADA, { clock });
  await clock.advance("29s");
  assert.equal(aborted, false);
  await clock.advance("1s");
  assert.equal(aborted, true);
  const { outcome } = await running;
  assert.ok(outcome.kind === "retry");
  const { reason, delayMs, usesAttempt } = outcome;
  assert.deepEqual({ reason, delayMs, usesAttempt }, { reason: "timed-out", delayMs: 125, usesAttempt: true });
});

Deno.test("invoke with a TestClock has the same result each time", async () => {
  const fails = defineFunction({ on: Asked }, () => {
    throw new RetryAfterError("3s", "busy");
  });
  const once = async () => {
    const { outcome, logs } = await invoke(fails, ADA, { clock: new TestClock("2026-02-03T00:00:00Z"), attempt: 2 });
    return { ...outcome, logs, error: undefined };
  };
  assert.deepEqual(await once(), await once());
});

Deno.test("invoke makes a dead letter of the last attempt that fails", async () => {
  const fails = defineFunction({ on: Asked, retry: { attempts: 3 } }, (_event, ctx) => {
    throw new Error(`attempt ${ctx.attempt}`);
  });
  const { outcome } = await invoke(fails, ADA, { attempt: 3 });
  assert.ok(outcome.kind === "dead-letter");
  assert.deepEqual([outcome.reason, outcome.error.message], ["attempts-exhausted", "attempt 3"]);
});

for (const [what, shutdown] of [["a time", "5s"], ["a signal", new AbortController()]] as const) {
  Deno.test(`invoke ends a handler at the end of a shutdown, given as ${what}, without using an attempt`, async () => {
    const hangs = defineFunction({ on: Asked }, () => new Promise(() => {}));
    const clock = new TestClock();
    const running = invoke(hangs, ADA, { clock, shutdown: typeof shutdown === "string" ? shutdown : shutdown.signal });
    if (typeof shutdown === "string") await clock.advance(shutdown);
    else shutdown.abort();
    const { outcome } = await running;
    assert.deepEqual(outcome, { kind: "retry", delayMs: 0, reason: "shutdown", usesAttempt: false });
  });
}

Deno.test("invoke acks a handler that returns within the shutdown, and leaves no timer", async () => {
  const clock = new TestClock();
  const { outcome } = await invoke(defineFunction({ on: Asked }, async () => await null), ADA, {
    clock,
    shutdown: "5s",
  });
  assert.deepEqual([outcome, clock.timers], [{ kind: "ack" }, 0]);
});

Deno.test("invoke with an open breaker does not run the handler and uses no attempt", async () => {
  let runs = 0;
  const counts = defineFunction({ on: Asked, breaker: { openFor: "10s" } }, () => void runs++);
  const { outcome, spans } = await invoke(counts, ADA, { breaker: "open", clock: new TestClock() });
  assert.ok(outcome.kind === "retry");
  const { reason, delayMs, usesAttempt } = outcome;
  assert.deepEqual({ runs, reason, delayMs, usesAttempt }, {
    runs: 0,
    reason: "breaker-open",
    delayMs: 10_125,
    usesAttempt: false,
  });
  assert.deepEqual(spans[0].events.map(({ name }) => name), ["weir.retry"]);
});

Deno.test("invoke refuses calls of a dependency whose breaker is open, and no others", async () => {
  const charge = defineFunction({ on: Asked, emits: [Greeted] }, async (_event, ctx) => {
    const text = await ctx.dependency("Names").call(() => "Countess");
    await ctx.dependency("PaymentService").call(() => assert.fail("called"));
    ctx.emit(Greeted, { text });
  });
  const { outcome, emitted } = await invoke(charge, ADA, { dependencies: { PaymentService: "open" } });
  assert.ok(outcome.kind === "retry");
  assert.deepEqual([outcome.reason, outcome.usesAttempt, emitted], ["dependency-open", false, []]);
});

Deno.test("invoke delivers a recorded event byte for byte, with its subject and headers", async () => {
  const seen: unknown[] = [];
  const legacy = defineFunction({ on: "legacy.>" }, (event) => void seen.push({ ...event }));
  const recorded: RecordedEvent = {
    kind: "recorded",
    subject: "legacy.orders.7",
    stream: "LEGACY",
    sequence: 12,
    time: "2026-01-02T03:04:05.000Z",
    headers: { "Nats-Msg-Id": "m7", "ce-tenant": "acme" },
    payload: new TextEncoder().encode('{"a": 1}'),
  };
  const { outcome, spans } = await invoke(legacy, recorded);
  assert.deepEqual(outcome, { kind: "ack" });
  assert.deepEqual(seen, [{
    id: "m7",
    type: "legacy.orders.7",
    source: "/streams/LEGACY",
    time: "2026-01-02T03:04:05.000Z",
    data: { a: 1 },
    subject: "legacy.orders.7",
    extensions: { tenant: "acme" },
  }]);
  assert.equal(spans[0].attributes["weir.stream_sequence"], 12);
});

Deno.test("invoke compares the age of a recorded event with the clock", async () => {
  const fresh = defineFunction({ on: Asked, maxAge: "1m" }, () => {});
  const recorded: RecordedEvent = {
    kind: "recorded",
    subject: "demo.asked",
    stream: "DEMO",
    sequence: 1,
    time: "2026-01-02T00:00:00Z",
    headers: {},
    payload: new TextEncoder().encode(JSON.stringify(ADA)),
  };
  const at = async (time: string) => (await invoke(fresh, recorded, { clock: new TestClock(time) })).outcome.kind;
  assert.deepEqual([await at("2026-01-02T00:01:00Z"), await at("2026-01-02T00:01:01Z")], ["ack", "dead-letter"]);
});

Deno.test("invoke returns only the handler's own log lines, with event and function", async () => {
  const says = defineFunction({ on: Asked }, (_event, { log }) => {
    log.info("hello", { n: 1 });
    throw new Error("and failed");
  });
  const { logs } = await invoke(says, ADA, { name: "says", clock: new TestClock("2026-01-02T00:00:00Z") });
  assert.equal(logs.length, 1);
  const { trace_id: _, span_id: __, ...line } = logs[0];
  assert.deepEqual(line, {
    time: "2026-01-02T00:00:00.000Z",
    level: "info",
    message: "hello",
    n: 1,
    function: "says",
    event_id: "test-event",
    event_type: "demo.asked",
    attempt: 1,
  });
});

Deno.test("invoke skips an event that the MemoryIdempotencyStore has, for the function's ttl", async () => {
  const once = defineFunction({ on: Asked, idempotency: { ttl: "1h" } }, () => {});
  const clock = new TestClock(), idempotencyStore = new MemoryIdempotencyStore(clock);
  const again = async () => (await invoke(once, ADA, { clock, idempotencyStore })).outcome;
  assert.deepEqual(await again(), { kind: "ack" });
  assert.deepEqual(await again(), { kind: "ack", skipped: "handled-before" });
  clock.move(3_600_000);
  assert.deepEqual(await again(), { kind: "ack" });
});

Deno.test("invoke refuses values that are not functions or attempts", async () => {
  // deno-lint-ignore no-explicit-any -- what a test without type checks may pass
  const wrong = (given: unknown) => invoke(given as any, {});
  await assert.rejects(wrong(undefined), { name: "StartupProblems" });
  await assert.rejects(wrong(() => {}), /not a function of defineFunction\(options, handler\) but a plain one/);
  await assert.rejects(wrong({ kind: "function", handler: () => {} }), /`on` is missing/);
  const fine = defineFunction({ on: "demo.asked" }, () => {});
  for (const attempt of [0, -1, 1.5]) {
    await assert.rejects(invoke(fine, {}, { attempt }), {
      message: `invoke: attempt must be a whole number from 1, not ${attempt}`,
    });
  }
});

Deno.test("invoke delivers to a function on a pattern on a subject that the pattern covers", async () => {
  const types: string[] = [];
  const legacy = (on: string) => defineFunction({ on }, ({ type }) => void types.push(type));
  await invoke(legacy("legacy.>"), {});
  await invoke(legacy("legacy.*.made"), {});
  await invoke(legacy("legacy.>"), {}, { subject: "legacy.a.b" });
  assert.deepEqual(types, ["legacy.any", "legacy.any.made", "legacy.a.b"]);
});

Deno.test("invoke checks the data by its `event` option for a function that names its event as text", async () => {
  const Paid = defineEvent({ type: "demo.paid", version: 1, data: z.object({ total: z.int().default(5) }) });
  const totals: unknown[] = [];
  const book = defineFunction({ on: "demo.paid" }, ({ data }) => void totals.push(data));
  assert.equal((await invoke(book, {}, { event: Paid })).outcome.kind, "ack");
  const { outcome } = await invoke(book, { total: "much" }, { event: Paid });
  assert.equal(outcome.kind === "dead-letter" && outcome.reason, "invalid");
  assert.deepEqual(totals, [{ total: 5 }]);
});

Deno.test("invoke names the span after its `name` option, the function's own name, or neither", async () => {
  const options = { on: Asked } as const, own = defineFunction({ ...options, name: "own" }, () => {});
  const named = async (fn: typeof own, name?: string) => (await invoke(fn, ADA, { name })).spans[0].name;
  assert.equal(await named(own, "given"), "process given");
  assert.equal(await named(own), "process own");
  assert.equal(await named(defineFunction(options, () => {})), "process testedFunction");
});

Deno.test("invoke names a function after its file in functions/, as production does", async () => {
  const { spans } = await invoke(confirmOrder, {} as never);
  assert.equal(spans[0].name, "process confirmOrder");
  assert.equal((await invoke(confirmOrder, {} as never, { name: "other" })).spans[0].name, "process other");
});

Deno.test("invoke retries at the date of a RetryAfterError by the runtime's clock, and after the backoff without a header", async () => {
  const clock = new TestClock(Date.UTC(2026, 9, 21, 7, 27));
  const respond = (headers: Record<string, string>) => new Response(null, { status: 429, headers });
  const date = "Wed, 21 Oct 2026 07:28:00 GMT";
  for (
    const [given, delayMs] of [
      [date, 60_000],
      [new Date(date), 60_000],
      [respond({ "retry-after": date }), 60_000],
      [
        "Tue, 20 Oct 2026 07:28:00 GMT",
        1,
      ],
      [null, 125],
      [respond({}), 125],
    ] as const
  ) {
    const busy = defineFunction({ on: "demo.asked" }, () => {
      throw new RetryAfterError(given);
    });
    const { outcome } = await invoke(busy, {}, { clock });
    assert.ok(outcome.kind === "retry");
    assert.deepEqual([outcome.reason, outcome.delayMs], ["retry-after", delayMs]);
  }
});

Deno.test("invoke gives a function the data that its `decode` yields, and refuses any other", async () => {
  const seen: unknown[] = [];
  const on = { pattern: "legacy.>", stream: "LEGACY" } as const;
  const text = defineFunction({ on, decode: "text" }, ({ data, subject }) => void seen.push([subject, data]));
  const bytes = defineFunction({ on, decode: "bytes" }, ({ data, headers }) => {
    seen.push([data, headers.get("X-Tenant")]);
  });
  const json = defineFunction({ on, decode: "json" }, ({ data }) => void seen.push(data));
  assertAcked(await invoke(text, "grüße"));
  assertAcked(await invoke(bytes, Uint8Array.of(0, 255), { headers: { "x-tenant": "acme", "Nats-Msg-Id": "m" } }));
  assertAcked(await invoke(json, { a: 1 }));
  assertAcked(await invoke(json, undefined));
  assert.deepEqual(seen, [["legacy.any", "grüße"], [Uint8Array.of(0, 255), "acme"], { a: 1 }, undefined]);
  // @ts-expect-error: its data is a string
  await assert.rejects(invoke(text, 7), /testedFunction has `decode: "text"`: its data is a string, not 7/);
  // @ts-expect-error: its data are bytes
  await assert.rejects(invoke(bytes, "x"), /testedFunction has `decode: "bytes"`: its data is a Uint8Array, not "x"/);
});

Deno.test("invoke and ctx.emit take an event without data if its schema says that it has none", async () => {
  const Pinged = defineEvent({ type: "demo.pinged", version: 1, data: z.undefined() });
  const Noted = defineEvent({ type: "demo.noted", version: 1, data: z.object({ n: z.int() }).optional() });
  const ping = defineFunction({ on: Pinged, emits: [Pinged, Noted] }, ({ data }, ctx) => {
    ctx.emit(Noted, data);
    ctx.emit(Pinged, undefined);
  });
  const { outcome, emitted } = await invoke(ping, undefined);
  assert.deepEqual(outcome, { kind: "ack" });
  assert.deepEqual(emitted.map(({ type, data }) => [type, data]), [["demo.noted", undefined], [
    "demo.pinged",
    undefined,
  ]]);
});
