import assert from "node:assert/strict";
import { type HandlerContext, NonRetryableError, RetryAfterError } from "weir";
import type { Result } from "../../runtime/core/outcome.ts";
import { CAUSE, gate, setup, Shipped } from "../support/invocation.ts";

/** A result without its stack, which says where the test is. */
function brief(result: Result): object {
  return "error" in result
    ? { ...result, error: { name: result.error.name, message: result.error.message } }
    : { ...result };
}

const failed = (message: string) => ({ kind: "failed", error: { name: "Error", message } });

Deno.test("a handler gets the event and the context, and what it returns does not matter", async () => {
  const seen: unknown[] = [];
  const { invoke, clock } = setup((event, ctx) => {
    seen.push(event, ctx);
    return "ignored";
  });
  const { context, result } = invoke();
  assert.deepEqual(await result, { kind: "returned" });
  assert.deepEqual(seen, [CAUSE, context]);
  clock.move(5_000);
  assert.equal(clock.timers, 0);
});

const thrown: [what: string, handler: (ctx: HandlerContext) => unknown, result: object][] = [
  ["an error, at once", () => {
    throw new Error("no");
  }, failed("no")],
  ["an error, later", () => Promise.reject(new Error("no")), failed("no")],
  ["an error of another class", () => {
    throw new RangeError("too far");
  }, { kind: "failed", error: { name: "RangeError", message: "too far" } }],
  ["text", () => Promise.reject("no"), failed("no")],
  [
    "undefined",
    () => Promise.reject(undefined),
    failed("undefined was thrown, which explains nothing: throw an Error"),
  ],
  ["null", () => Promise.reject(null), failed("null was thrown, which explains nothing: throw an Error")],
  ["an object", () => Promise.reject({ code: 1 }), failed('{"code":1}')],
  ["a NonRetryableError", () => Promise.reject(new NonRetryableError("stolen")), {
    kind: "rejected",
    error: { name: "NonRetryableError", message: "stolen" },
  }],
  ["a RetryAfterError", () => Promise.reject(new RetryAfterError("30s", "busy")), {
    kind: "retry-after",
    delayMs: 30_000,
    error: { name: "RetryAfterError", message: "busy" },
  }],
  ["a dependency's error", (ctx) => ctx.dependency("Payments").call(() => Promise.reject(new Error("503"))), {
    ...failed("503"),
    dependency: "Payments",
  }],
  [
    "a NonRetryableError from a dependency",
    (ctx) => ctx.dependency("Payments").call(() => Promise.reject(new NonRetryableError("stolen"))),
    { kind: "rejected", error: { name: "NonRetryableError", message: "stolen" } },
  ],
  ["by way of a promise within what is no promise itself", () => ({
    then: (resolve: (value: unknown) => void) => resolve(Promise.reject(new Error("no"))),
  }), failed("no")],
  ["as it was asked to go on", () => ({
    then: () => {
      throw new Error("no");
    },
  }), failed("no")],
  ["as it was looked at", () => ({
    get then() {
      throw new Error("no");
    },
  }), failed("no")],
];
for (const [what, handler, expected] of thrown) {
  Deno.test(`a handler that threw ${what} is ${JSON.stringify(expected)}`, async () => {
    const { invoke } = setup((_event, ctx) => handler(ctx));
    assert.deepEqual(brief(await invoke().result), expected);
  });
}

Deno.test("an open dependency is told with the time it may close, and a failed probe as one", async () => {
  const { clock, invoke } = setup((_event, ctx) =>
    ctx.dependency("Payments").call(() => Promise.reject(new Error("503")))
  );
  const results = [];
  for (let i = 0; i < 3; i++) results.push(brief(await invoke().result));
  clock.move(10_000);
  results.push(brief(await invoke().result));
  const open = { kind: "dependency-open", dependency: "Payments" };
  assert.deepEqual(results.slice(2), [
    {
      ...open,
      retryAtMs: clock.nowMs,
      probeFailed: false,
      error: { name: "DependencyOpenError", message: "the breaker of dependency Payments is open" },
    },
    { ...open, retryAtMs: clock.nowMs + 10_000, probeFailed: true, error: { name: "Error", message: "503" } },
  ]);
});

const TIMED_OUT = {
  kind: "timed-out",
  error: { name: "TimeoutError", message: "ship took longer than its timeout of 5s" },
};

Deno.test("a handler that takes too long has its signal aborted and is timed out", async () => {
  const { clock, invoke } = setup(async (_event, { signal }) => {
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const { context, result } = invoke();
  clock.move(4_999);
  assert.equal(context.signal.aborted, false);
  clock.move(1);
  assert.equal(context.signal.reason.name, "TimeoutError");
  assert.deepEqual(brief(await result), TIMED_OUT);
});

Deno.test("the time that a handler computes before it first waits is part of its timeout", async () => {
  const { clock, invoke } = setup(() => {
    clock.nowMs += 4_000; // it keeps the thread, and no timer can run
    return new Promise(() => {});
  });
  const { result } = invoke();
  clock.move(999);
  const early = await Promise.race([result, "not yet"]);
  clock.move(1);
  assert.deepEqual([early, brief(await result)], ["not yet", TIMED_OUT]);
});

Deno.test("a handler that takes no notice of its signal is left behind, and can emit nothing more", async () => {
  const go = gate(), refused = gate<unknown>();
  const { clock, invoke } = setup(async (_event, ctx) => {
    await go.promise;
    try {
      ctx.emit(Shipped, { orderId: "o1" });
    } catch (error) {
      refused.resolve(error);
    }
  });
  const { context, result } = invoke();
  clock.move(5_000);
  assert.deepEqual(brief(await result), TIMED_OUT);
  go.resolve();
  assert.match(String(await refused.promise), /ship emits orders\.shipped after it returned/);
  assert.deepEqual(context.emitted, []);
});

Deno.test("running out of time in a dependency is that dependency's failure", async () => {
  const { clock, invoke, dependencies } = setup((_event, ctx) => ctx.dependency("Payments").call(() => gate().promise));
  const results = [];
  for (let i = 0; i < 2; i++) {
    const { result } = invoke();
    clock.move(5_000);
    results.push(brief(await result));
  }
  assert.deepEqual(results, [{ ...TIMED_OUT, dependency: "Payments" }, { ...TIMED_OUT, dependency: "Payments" }]);
  assert.equal(dependencies.breaker("Payments").state.kind, "open");
});

Deno.test("handlers that finish in time leave nothing to fall due", async () => {
  const go = gate();
  const { clock, invoke } = setup(() => go.promise);
  const { context, result } = invoke();
  clock.move(4_999);
  go.resolve();
  assert.deepEqual(await result, { kind: "returned" });
  clock.move(1);
  assert.equal(context.signal.aborted, false);
});

Deno.test("a shutdown gives back every handler still running, and all that come later", async () => {
  let began = 0;
  const { clock, invoke, invoker, dependencies } = setup((_event, ctx) => {
    began++;
    return ctx.dependency("Payments").call(() => gate().promise);
  });
  const running = [invoke(), invoke()];
  invoker.giveBackAll();
  const late = invoke();
  for (const { result } of [...running, late]) assert.deepEqual(await result, { kind: "shutdown" });
  for (const { context } of running) {
    assert.equal(context.signal.reason.name, "AbortError");
    assert.throws(() => context.emit(Shipped, { orderId: "o1" }));
  }
  assert.equal(began, 2);
  assert.equal(clock.timers, 0);
  assert.deepEqual(dependencies.breaker("Payments").state, {
    kind: "closed",
    generation: 0,
    failures: 0,
    firstFailureMs: 0,
  });
});

Deno.test("giving back twice, or with nothing running, does nothing", async () => {
  const { invoke, invoker } = setup();
  const { result } = invoke();
  await result;
  invoker.giveBackAll();
  invoker.giveBackAll();
  assert.deepEqual(await result, { kind: "returned" });
});
