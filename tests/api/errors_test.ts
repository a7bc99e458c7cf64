import assert from "node:assert/strict";
import { DependencyOpenError, KvConflictError, NonRetryableError, RetryAfterError } from "weir";

Deno.test("RetryAfterError has its delay in milliseconds, and a default message", () => {
  assert.equal(new RetryAfterError("30s").delayMs, 30_000);
  assert.equal(new RetryAfterError(250).delayMs, 250);
  assert.equal(new RetryAfterError("30s").message, "retry after 30s");
  assert.equal(new RetryAfterError("30s", "busy").message, "busy");
});

for (const delay of ["soon", "-1s", -1, 1.5, NaN, undefined]) {
  Deno.test(`RetryAfterError refuses the delay ${JSON.stringify(delay)}`, () => {
    assert.throws(() => new RetryAfterError(delay as number), {
      name: "TypeError",
      message: `RetryAfterError: ${JSON.stringify(delay)} is not a delay; ` +
        'give milliseconds, or text such as "250ms", "10s", "5m", "2h", "7d"',
    });
  });
}

Deno.test("NonRetryableError and the others keep their cause and have names of their own", () => {
  const cause = new Error("402");
  const errors = [
    new NonRetryableError("stolen", { cause }),
    new RetryAfterError("1s", "busy", { cause }),
    new KvConflictError("stock", "sku1", { cause }),
  ];
  assert.deepEqual(errors.map(({ name }) => name), ["NonRetryableError", "RetryAfterError", "KvConflictError"]);
  assert.ok(errors.every((error) => error.cause === cause && error instanceof Error));
});

Deno.test("DependencyOpenError names the dependency and the time to retry", () => {
  const error = new DependencyOpenError("Payments", 5_000);
  assert.deepEqual([error.dependency, error.retryAtMs], ["Payments", 5_000]);
  assert.equal(error.message, "the breaker of dependency Payments is open");
});
