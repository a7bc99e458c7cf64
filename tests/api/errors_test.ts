import assert from "node:assert/strict";
import { DependencyOpenError, KvConflictError, NonRetryableError, RetryAfterError } from "weir";

Deno.test("RetryAfterError has its delay in milliseconds, and a default message", () => {
  assert.equal(new RetryAfterError("30s").delayMs, 30_000);
  assert.equal(new RetryAfterError(250).delayMs, 250);
  assert.equal(new RetryAfterError("30s").message, "retry after 30s");
  assert.equal(new RetryAfterError("30s", "busy").message, "busy");
});

const AT = new Date("2026-10-21T07:28:00Z"), HEADER = AT.toUTCString();
const response = (headers: Record<string, string>) => new Response(null, { status: 429, headers });
const delays: [what: string, given: Parameters<typeof newError>[0], expected: (number | string | undefined)[]][] = [
  ["seconds, as a header has them", "120", [120_000, undefined, "retry after 2m"]],
  ["a date, as a header has it", HEADER, [undefined, AT.getTime(), "retry after 2026-10-21T07:28:00.000Z"]],
  ["a Date", AT, [undefined, AT.getTime(), "retry after 2026-10-21T07:28:00.000Z"]],
  ["a header that is absent", null, [undefined, undefined, "retry after the backoff"]],
  ["a response", response({ "retry-after": "7" }), [7_000, undefined, "retry after 7s"]],
  ["a response without the header", response({}), [undefined, undefined, "retry after the backoff"]],
  ["a response with another server's nonsense", response({ "retry-after": "soon" }), [
    undefined,
    undefined,
    "retry after the backoff",
  ]],
];
const newError = (delay: ConstructorParameters<typeof RetryAfterError>[0]) => new RetryAfterError(delay);
for (const [what, given, expected] of delays) {
  Deno.test(`RetryAfterError takes ${what}`, () => {
    const { delayMs, atMs, message } = newError(given);
    assert.deepEqual([delayMs, atMs, message], expected);
  });
}

const circle: Record<string, unknown> = {};
circle.self = circle;
const refused: [delay: unknown, named: string][] = [
  ...["soon", "NaNs", "", "-1s"].map((text): [string, string] => [text, JSON.stringify(text)]),
  ...[-1, 1.5, NaN, Infinity, undefined].map((value): [unknown, string] => [value, String(value)]),
  [new Date(NaN), "Invalid Date"],
  [{}, "{}"],
  [7n, "7n"],
  [Symbol("soon"), "Symbol(soon)"],
  [circle, "<ref *1> { self: [Circular *1] }"],
  [{ headers: { "retry-after": "3" } }, '{"headers":{"retry-after":"3"}}'],
  [{ headers: null }, '{"headers":null}'],
];
for (const [delay, named] of refused) {
  Deno.test(`RetryAfterError refuses the delay ${named}`, () => {
    assert.throws(() => new RetryAfterError(delay as number), {
      name: "TypeError",
      message: `RetryAfterError: ${named} is not a delay; ` +
        'give milliseconds, or text such as "250ms", "10s", "5m", "2h", "7d", a date, the value of a Retry-After header, ' +
        "or a response",
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
