import assert from "node:assert/strict";
import { DependencyOpenError, NonRetryableError, RetryAfterError } from "weir";
import { DependencyCalls, dependencyFailure } from "../../runtime/engine/dependency_breakers.ts";
import { BREAKER, gate, setup as setupFlow } from "../support/invocation.ts";

/** The breaker of `Payments`, and calls of one invocation under it. */
function setup(policy = BREAKER) {
  const { clock, dependencies } = setupFlow(undefined, { breaker: policy });
  const breaker = dependencies.breaker("Payments");
  const calls = new DependencyCalls(), abort = new AbortController();
  const call = <Value>(run: (signal: AbortSignal) => Value | Promise<Value>) => calls.call(breaker, abort.signal, run);
  const fail = (error: unknown = new Error("503")) => call(() => Promise.reject(error)).catch((thrown) => thrown);
  const trip = async () => {
    await fail();
    await fail();
    assert.equal(breaker.state.kind, "open");
  };
  return { clock, dependencies, breaker, calls, abort, call, fail, trip };
}

const failures = (breaker: { state: { kind: string; failures?: number } }) => breaker.state.failures;

Deno.test("a dependency has one breaker a name, with its own policy or the default one", () => {
  const { dependencies, breaker } = setup();
  assert.equal(dependencies.breaker("Payments"), breaker);
  assert.equal(breaker.policy, BREAKER);
  const other = dependencies.breaker("Mail");
  assert.notEqual(other, breaker);
  assert.equal(other.policy.consecutiveFailures, 10);
  assert.deepEqual([other.name, other.of], ["Mail", "dependency"]);
});

Deno.test("a call returns what it returned, whether at once or later, and throws what it threw", async () => {
  const { call, fail } = setup();
  assert.equal(await call(() => 7), 7);
  assert.equal(await call(() => Promise.resolve("later")), "later");
  const error = new Error("503");
  assert.equal(await fail(error), error);
  await assert.rejects(
    call(() => {
      throw error;
    }),
    error,
  );
});

Deno.test("a call is handed the invocation's signal", async () => {
  const { call, abort } = setup();
  assert.equal(await call((signal) => signal), abort.signal);
});

Deno.test("while the breaker is open nothing is called, and the error says until when", async () => {
  const { clock, call, trip } = setup();
  await trip();
  let called = false;
  const refused = await call(() => called = true).catch((error) => error);
  assert.ok(refused instanceof DependencyOpenError);
  assert.deepEqual([refused.dependency, refused.retryAtMs], ["Payments", clock.nowMs + 10_000]);
  assert.equal(called, false);
});

Deno.test("a failure is marked as its dependency's, and as no more while that may be up", async () => {
  const { fail } = setup();
  const error = await fail();
  assert.deepEqual(dependencyFailure(error), { dependency: "Payments", open: false });
  assert.equal(dependencyFailure(new Error("503")), undefined);
});

Deno.test("the failure that trips the breaker may still be the event's: it is no probe", async () => {
  const { fail, breaker } = setup();
  await fail();
  const last = await fail();
  assert.equal(breaker.state.kind, "open");
  assert.deepEqual(dependencyFailure(last), { dependency: "Payments", open: false });
});

Deno.test("a failed probe is marked as one, with the time until which the breaker is open again", async () => {
  const { clock, fail, trip } = setup();
  await trip();
  clock.move(10_000);
  assert.deepEqual(dependencyFailure(await fail()), {
    dependency: "Payments",
    open: true,
    retryAtMs: clock.nowMs + 10_000,
    probeFailed: true,
  });
});

Deno.test("a dependency's failure is found through causes, but not for ever", async () => {
  const { fail } = setup();
  const wrapped = new Error("charge failed", { cause: new Error("http", { cause: await fail() }) });
  assert.deepEqual(dependencyFailure(wrapped), { dependency: "Payments", open: false });
  const open = new Error("charge failed", { cause: new DependencyOpenError("Mail", 5_000) });
  assert.deepEqual(dependencyFailure(open), { dependency: "Mail", open: true, retryAtMs: 5_000, probeFailed: false });
  const circle = new Error("circle");
  circle.cause = circle;
  assert.equal(dependencyFailure(circle), undefined);
  for (const thrown of [undefined, null, "text", 7]) assert.equal(dependencyFailure(thrown), undefined);
});

for (const error of [new NonRetryableError("stolen"), new RetryAfterError("1s")]) {
  Deno.test(`a ${error.name} is an answer: the dependency is up`, async () => {
    const { breaker, fail } = setup();
    await fail();
    assert.equal(failures(breaker), 1);
    assert.equal(await fail(error), error);
    assert.equal(failures(breaker), 0);
    assert.equal(dependencyFailure(error), undefined);
  });
}

Deno.test("a call that never settles is reported when the invocation runs out of time", async () => {
  const { breaker, calls, abort, call } = setup();
  const pending = call(() => gate().promise);
  abort.abort(new DOMException("too long", "TimeoutError"));
  await assert.rejects(pending, { name: "TimeoutError" });
  assert.equal(failures(breaker), 0);
  assert.deepEqual(calls.end(true), { dependency: "Payments", open: false });
  assert.equal(failures(breaker), 1);
});

Deno.test("a probe that never settles fails when the invocation runs out of time", async () => {
  const { clock, breaker, calls, abort, call, trip } = setup();
  await trip();
  clock.move(10_000);
  const pending = call(() => gate().promise);
  abort.abort();
  const failure = calls.end(true);
  await assert.rejects(pending, { name: "AbortError" });
  assert.deepEqual(failure, {
    dependency: "Payments",
    open: true,
    retryAtMs: clock.nowMs + 10_000,
    probeFailed: true,
  });
  assert.equal(breaker.state.kind, "open");
});

Deno.test("a call cut off by a shutdown counts as nothing and gives a probe's slot back", async () => {
  const { clock, breaker, calls, abort, call, trip } = setup();
  await trip();
  clock.move(10_000);
  const pending = call(() => gate().promise);
  assert.equal(breaker.permits(), 0);
  abort.abort();
  assert.equal(calls.end(false), undefined);
  await assert.rejects(pending, { name: "AbortError" });
  assert.deepEqual([breaker.state.kind, breaker.permits()], ["half-open", 1]);
});

Deno.test("what a call says after the invocation's end is not heard", async () => {
  const { breaker, calls, call } = setup();
  const late = gate();
  const pending = call(() => late.promise);
  assert.equal(calls.end(false), undefined);
  late.reject(new Error("503"));
  await assert.rejects(pending, { message: "503" });
  assert.equal(failures(breaker), 0);
});

Deno.test("a call that succeeded is not the one that time ran out in", async () => {
  const { calls, call, fail } = setup();
  await call(() => 1);
  await fail();
  assert.equal(calls.end(true), undefined);
});

Deno.test("once the signal is aborted nothing more is called", async () => {
  const { breaker, abort, call } = setup();
  abort.abort();
  await assert.rejects(call(() => assert.fail("called")), { name: "AbortError" });
  assert.equal(failures(breaker), 0);
});
