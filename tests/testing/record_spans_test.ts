import assert from "node:assert/strict";
import { trace } from "@opentelemetry/api";
import { defineEvent, defineFunction } from "weir";
import { invoke, TestClock } from "weir/testing";
import { z } from "zod";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
const Greeted = defineEvent({ type: "demo.greeted", version: 1, data: z.object({ text: z.string() }) });
const ADA = { name: "Ada" };

Deno.test("invoke returns the spans of the attempt, of the handler and of published events", async () => {
  const greet = defineFunction({ on: Asked, emits: [Greeted] }, async (event, ctx) => {
    ctx.span.setAttribute("guest", event.data.name);
    await trace.getTracer("mine").startActiveSpan("look up", async (span) => {
      await Promise.resolve();
      trace.getTracer("mine").startSpan("deeper").end();
      span.addEvent("found", { at: 1 });
      span.end();
    });
    ctx.emit(Greeted, { text: "Hello" });
  });
  const { spans } = await invoke(greet, ADA, { name: "greet" });
  assert.deepEqual(spans.map(({ name, kind, parent, ended }) => [name, kind, parent, ended]), [
    ["process greet", "consumer", undefined, true],
    ["look up", "internal", "process greet", true],
    ["deeper", "internal", "look up", true],
    ["publish demo.greeted", "producer", "process greet", true],
  ]);
  const [attempt, lookUp] = spans;
  assert.equal(attempt.attributes.guest, "Ada");
  assert.equal(attempt.attributes["weir.outcome"], "ack");
  assert.equal(attempt.attributes["cloudevents.event_type"], "demo.asked");
  assert.deepEqual(lookUp.events, [{ name: "found", attributes: { at: 1 } }]);
  assert.equal(lookUp.traceId, attempt.traceId);
});

Deno.test("invoke returns the attempt's span with the error and the retry", async () => {
  const fails = defineFunction({ on: Asked }, () => {
    throw new TypeError("no such guest");
  });
  const { spans: [span] } = await invoke(fails, ADA, { clock: new TestClock() });
  assert.deepEqual(span.status, { code: "error", message: "no such guest" });
  assert.deepEqual(span.events.map(({ name }) => name), ["exception", "weir.retry"]);
  assert.equal(span.events[1].attributes["weir.delay_ms"], 125);
});

Deno.test("invoke keeps the spans of concurrent calls apart", async () => {
  const wait = defineFunction({ on: Asked }, async ({ data }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    trace.getTracer("mine").startSpan(data.name).end();
  });
  const both = await Promise.all([invoke(wait, ADA), invoke(wait, { name: "Bob" })]);
  assert.deepEqual(both.map(({ spans }) => spans.map(({ name }) => name)), [
    ["process testedFunction", "Ada"],
    ["process testedFunction", "Bob"],
  ]);
});

Deno.test("invoke continues the trace of the event", async () => {
  const quiet = defineFunction({ on: Asked }, () => {});
  const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
  const { spans: [span] } = await invoke(quiet, ADA, { headers: { traceparent } });
  assert.deepEqual([span.traceId, span.parentSpanId], ["ab".repeat(16), "cd".repeat(8)]);
});
