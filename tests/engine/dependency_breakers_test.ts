import assert from "node:assert/strict";
import { DependencyOpenError, NonRetryableError, RetryAfterError } from "weir";
import { DependencyCalls, dependencyFailure } from "../../runtime/engine/dependency_breakers.ts";
import { BREAKER, gate, NO_SPAN, setup as setupEngine } from "../support/invocation.ts";

/** The breaker of `Payments`, and the calls of one attempt to it. */
function setup(policy = BREAKER) {
  const { clock, dependencies } = setupEngine(undefined, { breaker: policy });
  const breaker = dependencies.breaker("Payments");
  const calls = new DependencyCalls(NO_SPAN), abort = new AbortController();
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

Deno.test("DependencyBreakers has one breaker a name, with its own policy or the default one", () => {
  const { dependencies, breaker } = setup();
  assert.equal(dependencies.breaker("Payments"), breaker);
  assert.equal(breaker.policy, BREAKER);
  const other = dependencies.breaker("Mail");
  assert.notEqual(other, breaker);
  assert.equal(other.policy.consecutiveFailures, 10);
  assert.deepEqual([other.name, other.of], ["Mail", "dependency"]);
});

Deno.test("DependencyCalls.call returns the value of the call, and throws its error", async () => {
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

Deno.test("DependencyCalls.call passes the attempt's signal", async () => {
  const { call, abort } = setup();
  assert.equal(await call((signal) => signal), abort.signal);
});

Deno.test("DependencyCalls.call refuses while the breaker is open, and the error has the time to retry at", async () => {
  const { clock, call, trip } = setup();
  await trip();
  let called = false;
  const refused = await call(() => called = true).catch((error) => error);
  assert.ok(refused instanceof DependencyOpenError);
  assert.deepEqual([refused.dependency, refused.retryAtMs], ["Payments", clock.nowMs + 10_000]);
  assert.equal(called, false);
});

Deno.test("dependencyFailure of a failed call names the dependency, which may be up", async () => {
  const { fail } = setup();
  const error = await fail();
  assert.deepEqual(dependencyFailure(error), { dependency: "Payments", open: false });
  assert.equal(dependencyFailure(new Error("503")), undefined);
});

Deno.test("dependencyFailure of the failure that opens the breaker does not excuse the event", async () => {
  const { fail, breaker } = setup();
  await fail();
  const last = await fail();
  assert.equal(breaker.state.kind, "open");
  assert.deepEqual(dependencyFailure(last), { dependency: "Payments", open: false });
});

Deno.test("dependencyFailure of a failed probe has the time until which the breaker is open", async () => {
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

Deno.test("dependencyFailure looks through causes, up to a limit", async () => {
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
  Deno.test(`DependencyCalls.call takes a ${error.name} as an answer: the dependency is up`, async () => {
    const { breaker, fail } = setup();
    await fail();
    assert.equal(failures(breaker), 1);
    assert.equal(await fail(error), error);
    assert.equal(failures(breaker), 0);
    assert.equal(dependencyFailure(error), undefined);
  });
}

Deno.test("DependencyCalls.end reports a call that never settles as a failure of an attempt that timed out", async () => {
  const { breaker, calls, abort, call } = setup();
  const pending = call(() => gate().promise);
  abort.abort(new DOMException("too long", "TimeoutError"));
  await assert.rejects(pending, { name: "TimeoutError" });
  assert.equal(failures(breaker), 0);
  assert.deepEqual(calls.end(true), { dependency: "Payments", open: false });
  assert.equal(failures(breaker), 1);
});

Deno.test("DependencyCalls.end reports a probe that never settles as failed", async () => {
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

Deno.test("DependencyCalls.end at a shutdown ignores open calls, and frees the slot of a probe", async () => {
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

Deno.test("DependencyCalls ignores the result of a call after the attempt's end", async () => {
  const { breaker, calls, call } = setup();
  const late = gate();
  const pending = call(() => late.promise);
  assert.equal(calls.end(false), undefined);
  late.reject(new Error("503"));
  await assert.rejects(pending, { message: "503" });
  assert.equal(failures(breaker), 0);
});

Deno.test("DependencyCalls.end blames no call that had ended", async () => {
  const { calls, call, fail } = setup();
  await call(() => 1);
  await fail();
  assert.equal(calls.end(true), undefined);
});

Deno.test("DependencyCalls.call refuses once the signal is aborted", async () => {
  const { breaker, abort, call } = setup();
  abort.abort();
  await assert.rejects(call(() => assert.fail("called")), { name: "AbortError" });
  assert.equal(failures(breaker), 0);
});

Deno.test("DependencyBreakers refuses a name that is no text, which all callers without a name would share", () => {
  const { dependencies } = setup();
  for (const name of [undefined, null, 7, ""]) {
    assert.throws(() => dependencies.breaker(name as string), {
      name: "TypeError",
      message: `a dependency has a name, such as "PaymentService", not ${name === "" ? '""' : name}`,
    });
  }
});

Deno.test("DependencyBreakers refuses names without end, which come from data, bounded memory", () => {
  const { dependencies } = setup();
  assert.throws(() => {
    for (let i = 0; i < 2_000; i++) dependencies.breaker(`tenant-${i}`);
  }, { message: /^dependency "tenant-999" is one more than 1000: a name must not come from an event's data$/ });
  assert.equal(dependencies.breaker("tenant-7"), dependencies.breaker("tenant-7"));
});
