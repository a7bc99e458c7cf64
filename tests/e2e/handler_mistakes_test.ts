import assert from "node:assert/strict";
import { defineEvent, defineFunction, type HandlerContext } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { strangeValues } from "../support/strange_values.ts";

const Asked = defineEvent({ type: "asked.once", version: 1, data: z.object({ n: z.int() }) });
const Answered = defineEvent({ type: "answered.once", version: 1, data: z.object({ n: z.int() }) });
const Anything = defineEvent({ type: "anything.goes", version: 1, data: z.unknown() });
const Other = defineEvent({ type: "other.thing", version: 1, data: z.unknown() });

/** A port on which no process listens, and which `fetch` does not block. */
const CLOSED_PORT = 2;
let ended: HandlerContext<[typeof Answered, typeof Anything]> | undefined;

type Body = (ctx: HandlerContext<[typeof Answered, typeof Anything]>) => unknown;
const mistakes: Record<string, [body: Body, error: string | RegExp]> = {
  throwsText: [() => Promise.reject("no stock"), "Error: no stock"],
  throwsUndefined: [
    () => Promise.reject(undefined),
    "Error: undefined was thrown, which explains nothing: throw an Error",
  ],
  throwsNull: [() => Promise.reject(null), "Error: null was thrown, which explains nothing: throw an Error"],
  neverReturns: [() => new Promise(() => {}), "TimeoutError: neverReturns took longer than its timeout of 500ms"],
  callsClosedPort: [
    () => fetch(`http://127.0.0.1:${CLOSED_PORT}/charges`),
    new RegExp(`^TypeError: .*http://127\\.0\\.0\\.1:${CLOSED_PORT}/charges.*Connection refused`, "i"),
  ],
  emitsUndeclared: [
    (ctx) => ctx.emit(Other as never, {} as never),
    "TypeError: emitsUndeclared emits other.thing without declaring it: add it to `emits`",
  ],
  emitsText: [
    (ctx) => ctx.emit("answered.once" as never, {} as never),
    'TypeError: emitsText emits "answered.once", which is not an event: give one of `emits`, as its definition',
  ],
  emitsWrong: [
    (ctx) => ctx.emit(Answered, { n: "1" as unknown as number }),
    "TypeError: emitsWrong emits answered.once with data that its schema refuses: n: Invalid input: expected number, " +
    "received string",
  ],
  emitsBigInt: [
    (ctx) => ctx.emit(Anything, 5n),
    "TypeError: emitsBigInt emits anything.goes: the data is a bigint, which JSON cannot hold",
  ],
  emitsMap: [
    (ctx) => ctx.emit(Anything, { pages: [{ totals: new Map([["eur", 7]]) }] }),
    "TypeError: emitsMap emits anything.goes: pages.0.totals is a Map, which JSON cannot hold",
  ],
  emitsNaN: [
    (ctx) => ctx.emit(Anything, [1, NaN]),
    "TypeError: emitsNaN emits anything.goes: 1 is NaN, which JSON cannot hold",
  ],
  throwsResponse: [
    () => Promise.reject(new Response("", { status: 503, statusText: "Unavailable" })),
    "Response: HTTP 503 Unavailable",
  ],
  throwsAggregate: [
    () => Promise.any([Promise.reject(new Error("first")), Promise.reject("second")]),
    "AggregateError: All promises were rejected (errors: first; second)",
  ],
  throwsChain: [
    () => Promise.reject(new Error("a", { cause: new Error("b", { cause: { code: 7 } }) })),
    'Error: a (cause: b (cause: {"code":7}))',
  ],
  emitsLate: [
    (ctx) => {
      ended = ctx;
    },
    "",
  ],
};

Deno.test("weir-error names the mistake of a handler and its function", async () => {
  const functions = Object.fromEntries(
    Object.entries(mistakes).map(([name, [body]]) => [
      name,
      defineFunction(
        {
          on: Asked,
          emits: [Answered, Anything],
          retry: { attempts: 1 },
          timeout: name === "neverReturns" ? "500ms" : "30s",
        },
        (_event, ctx) => body(ctx),
      ),
    ]),
  );
  await using runtime = await startTestRuntime({ functions });
  await runtime.publish(Asked, { n: 1 });
  for (const [name, [, error]] of Object.entries(mistakes)) {
    if (error === "") continue;
    const { headers } = await runtime.waitForDeadLetter(name);
    if (typeof error === "string") assert.equal(headers["weir-error"], error);
    else assert.match(headers["weir-error"], error);
    assert.equal(headers["weir-reason"], "attempts-exhausted");
  }
  assert.throws(() => ended!.emit(Answered, { n: 1 }), {
    message: "emitsLate emits answered.once after it returned: await whatever emits, so that it is published",
  });
});

Deno.test("Dispatcher pulls on after a half-open breaker's probe has thrown a value of any shape", async () => {
  const thrown = Object.values(strangeValues()), count = thrown.length;
  const breaker = { consecutiveFailures: 1, openFor: "50ms" } as const;
  const fails = defineFunction({ on: Asked, retry: { attempts: 1 }, breaker, concurrency: 1 }, () => {
    throw thrown.pop();
  });
  await using runtime = await startTestRuntime({ functions: { fails } });
  for (let n = 0; n < count; n++) await runtime.publish(Asked, { n });
  const ended = () => runtime.settled.filter(({ outcome }) => outcome.kind === "dead-letter");
  await eventually(() => ended().length === count);
  assert.ok(ended().every(({ outcome }) => outcome.kind === "dead-letter" && outcome.reason === "attempts-exhausted"));
});

Deno.test("ctx.log takes what was thrown, of any shape, under the log of a running process", async () => {
  const logs = defineFunction({ on: Asked, retry: { attempts: 1 } }, async (_event, { log, span }) => {
    for (const value of Object.values(strangeValues())) {
      await Promise.reject(value).catch(log.error);
      await Promise.reject(value).catch((error) => span.recordException(error));
    }
  });
  await using runtime = await startTestRuntime({ functions: { logs } });
  const { settled } = await runtime.publishAndSettle(Asked, { n: 1 });
  assert.deepEqual(settled.map(({ outcome }) => outcome), [{ kind: "ack" }]);
});
