import assert from "node:assert/strict";
import { context as otel, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { type HandlerContext, NonRetryableError, RetryAfterError } from "weir";
import type { HandlerMiddleware } from "../../runtime/engine/handler_runner.ts";
import type { Result } from "../../runtime/core/outcome.ts";
import { CAUSE, gate, setup, Shipped } from "../support/invocation.ts";
import { strangeValues } from "../support/strange_values.ts";

/** A result without its stack, which has the position of the test. */
function brief(result: Result): object {
  return "error" in result
    ? { ...result, error: { name: result.error.name, message: result.error.message } }
    : { ...result };
}

const failed = (message: string) => ({ kind: "failed", error: { name: "Error", message } });

Deno.test("InProcessRunner passes the event and the context, and ignores the handler's value", async () => {
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
  ["an error that is thrown", () => {
    throw new Error("no");
  }, failed("no")],
  ["an error that rejects", () => Promise.reject(new Error("no")), failed("no")],
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
  ["a RetryAfterError of a date", () => Promise.reject(new RetryAfterError(new Date(7), "busy")), {
    kind: "retry-after",
    atMs: 7,
    error: { name: "RetryAfterError", message: "busy" },
  }],
  [
    "a RetryAfterError whose delay was overwritten",
    () => Promise.reject(Object.assign(new RetryAfterError("1s", "busy"), { delayMs: NaN, atMs: "x" })),
    { kind: "retry-after", error: { name: "RetryAfterError", message: "busy" } },
  ],
  ["a dependency's error", (ctx) => ctx.dependency("Payments").call(() => Promise.reject(new Error("503"))), {
    ...failed("503"),
    dependency: "Payments",
  }],
  [
    "a NonRetryableError from a dependency",
    (ctx) => ctx.dependency("Payments").call(() => Promise.reject(new NonRetryableError("stolen"))),
    { kind: "rejected", error: { name: "NonRetryableError", message: "stolen" } },
  ],
  ["a thenable that resolves to a rejection", () => ({
    then: (resolve: (value: unknown) => void) => resolve(Promise.reject(new Error("no"))),
  }), failed("no")],
  ["a thenable whose `then` throws", () => ({
    then: () => {
      throw new Error("no");
    },
  }), failed("no")],
  ["a value whose `then` getter throws", () => ({
    get then() {
      throw new Error("no");
    },
  }), failed("no")],
];
for (const [what, handler, expected] of thrown) {
  Deno.test(`InProcessRunner classifies ${what} as ${JSON.stringify(expected)}`, async () => {
    const { invoke } = setup((_event, ctx) => handler(ctx));
    assert.deepEqual(brief(await invoke().result), expected);
  });
}

for (const [what, value] of Object.entries(strangeValues())) {
  Deno.test(`InProcessRunner ends the attempt whatever is thrown, rejected or returned: ${what}`, async () => {
    const handlers: Record<string, (ctx: HandlerContext) => unknown> = {
      thrown: () => {
        throw value;
      },
      rejected: () => Promise.reject(value),
      cause: () => Promise.reject(new Error("no", { cause: value })),
      part: () => Promise.reject(new AggregateError([value], "no")),
      called: (ctx) => ctx.dependency("Other").call(() => Promise.reject(value)),
    };
    for (const [how, handler] of Object.entries(handlers)) {
      const { invoke } = setup((_event, ctx) => handler(ctx));
      const result = await invoke().result;
      assert.equal(result.kind, "failed", how);
    }
    const { invoke } = setup(() => value);
    assert.match((await invoke().result).kind, /^(returned|failed)$/);
  });
}

/** Promises whose members fail. */
const promises: Record<string, () => Promise<unknown>> = {
  "a promise whose `constructor` getter throws": () =>
    Object.defineProperty(Promise.resolve(), "constructor", {
      get: () => {
        throw new Error("no");
      },
    }),
  "a promise whose own `then` throws": () =>
    Object.assign(Promise.resolve(), {
      then: () => {
        throw new Error("no");
      },
    }),
  "a promise whose own `then` rejects and then resolves": () =>
    Object.assign(Promise.resolve(), {
      then: (resolve: () => void, reject: (error: Error) => void) => {
        reject(new Error("no"));
        resolve();
      },
    }),
};
for (const [what, returned] of Object.entries(promises)) {
  Deno.test(`InProcessRunner ends the attempt of ${what}, and emits nothing`, async () => {
    const { invoke } = setup((_event, ctx) => {
      ctx.emit(Shipped, { orderId: "o1" });
      return returned();
    });
    const { attempt, result } = invoke();
    assert.deepEqual(brief(await result), failed("no"));
    assert.deepEqual(attempt.emitted, []);
  });
}

Deno.test("InProcessRunner reports the permit of a dependency's only probe, whatever the probe throws", async () => {
  const throwing = Object.values(strangeValues());
  const { clock, invoke, dependencies } = setup((_event, ctx) =>
    ctx.dependency("Payments").call(() => Promise.reject(throwing.pop()))
  );
  while (throwing.length > 0) {
    await invoke().result;
    if (dependencies.breaker("Payments").state.kind === "open") clock.move(10_000);
    assert.notEqual(dependencies.breaker("Payments").state.kind, "half-open");
  }
});

Deno.test("InProcessRunner emits nothing of a handler that returns as its timeout aborts it", async () => {
  const { clock, invoke } = setup((_event, ctx) => {
    ctx.emit(Shipped, { orderId: "o1" });
    return new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
  });
  const { attempt, result } = invoke();
  clock.move(5_000);
  assert.equal((await result).kind, "timed-out");
  assert.deepEqual(attempt.emitted, []);
});

Deno.test("InProcessRunner reports an open dependency with the time to retry at, and a failed probe", async () => {
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

Deno.test("InProcessRunner aborts the signal of a handler that times out", async () => {
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

Deno.test("InProcessRunner counts the time before a handler's first await towards its timeout", async () => {
  const { clock, invoke } = setup(() => {
    clock.nowMs += 4_000; // it blocks the thread, so no timer fires
    return new Promise(() => {});
  });
  const { result } = invoke();
  clock.move(999);
  const early = await Promise.race([result, "not yet"]);
  clock.move(1);
  assert.deepEqual([early, brief(await result)], ["not yet", TIMED_OUT]);
});

Deno.test("InProcessRunner leaves behind a handler that ignores its signal, and refuses its events", async () => {
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

Deno.test("InProcessRunner attributes a timeout in a dependency to the dependency", async () => {
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

Deno.test("InProcessRunner cancels the timeout of a handler that ends in time", async () => {
  const go = gate();
  const { clock, invoke } = setup(() => go.promise);
  const { context, result } = invoke();
  clock.move(4_999);
  go.resolve();
  assert.deepEqual(await result, { kind: "returned" });
  clock.move(1);
  assert.equal(context.signal.aborted, false);
});

Deno.test("InProcessRunner.abortAll ends every running handler and all later ones as `shutdown`", async () => {
  let began = 0;
  const { clock, invoke, runner, dependencies } = setup((_event, ctx) => {
    began++;
    return ctx.dependency("Payments").call(() => gate().promise);
  });
  const running = [invoke(), invoke()];
  runner.abortAll();
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

Deno.test("InProcessRunner.abortAll may be called twice", async () => {
  const { invoke, runner } = setup();
  const { result } = invoke();
  await result;
  runner.abortAll();
  runner.abortAll();
  assert.deepEqual(await result, { kind: "returned" });
});

Deno.test("InProcessRunner runs middleware around the handler, the first outermost", async () => {
  const seen: string[] = [];
  const around = (name: string): HandlerMiddleware => (attempt, next) => {
    seen.push(`${name} ${attempt.number}`);
    return next(attempt);
  };
  const handler = () => {
    seen.push("handler");
    throw new Error("no");
  };
  const { invoke } = setup(handler, { middleware: [around("first"), around("second")] });
  assert.deepEqual(brief(await invoke().result), failed("no"));
  assert.deepEqual(seen, ["first 1", "second 1", "handler"]);
});

Deno.test("InProcessRunner runs the handler alone within the attempt's context", async () => {
  const key = createContextKey("test"), go = gate(), seen: unknown[] = [];
  const asyncHooks = new AsyncLocalStorageContextManager().enable();
  otel.setGlobalContextManager(asyncHooks);
  const { newAttempt, runner } = setup(async () => {
    seen.push(otel.active().getValue(key));
    await go.promise;
    seen.push(otel.active().getValue(key));
  });
  const attempt = newAttempt();
  attempt.otelContext = ROOT_CONTEXT.setValue(key, "mine");
  const result = runner.run(attempt);
  assert.equal(otel.active().getValue(key), undefined);
  go.resolve();
  await result;
  assert.deepEqual(seen, ["mine", "mine"]);
  otel.disable();
});

Deno.test("InProcessRunner sets the events of a handler that returned, and none of one that failed", async () => {
  const emitted = async (fail: boolean) => {
    const { invoke } = setup(async (_event, ctx) => {
      ctx.emit(Shipped, { orderId: "o1" });
      await Promise.resolve();
      if (fail) throw new Error("no");
    });
    const { attempt, result } = invoke();
    await result;
    return attempt.emitted.length;
  };
  assert.deepEqual([await emitted(false), await emitted(true)], [1, 0]);
});

Deno.test("InProcessRunner counts the timeout from the time that was read when the attempt began", async () => {
  const { clock, runner, newAttempt } = setup(() => new Promise(() => {}));
  const result = runner.run(Object.assign(newAttempt(), { handlerFromMs: clock.now() - 4_000 }));
  await clock.advance("1s");
  assert.equal((await result).kind, "timed-out");
});
