import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { errorDetail, errorsIn, valueText } from "../../runtime/core/error_detail.ts";
import { strangeValues } from "../support/strange_values.ts";

const circle: { self?: unknown } = {};
circle.self = circle;
const loop = new Error("loop");
loop.cause = loop;
const held = new Error("outer");
held.cause = { error: held };
const coded = Object.assign(new Error("connect failed"), { code: "ECONNREFUSED" });
const parts = (count: number) => Array.from({ length: count }, (_, i) => new Error(`part ${i + 1}`));

const thrown: [what: string, thrown: unknown, name: string, message: string | RegExp][] = [
  ["an error", new RangeError("too far"), "RangeError", "too far"],
  ["an error without a message", new TypeError(), "TypeError", "an error without a message"],
  ["an error with a code", coded, "Error", "connect failed (code: ECONNREFUSED)"],
  ["a code that the message has", Object.assign(new Error("E1: no"), { code: "E1" }), "Error", "E1: no"],
  [
    "a missing permission",
    new Deno.errors.NotCapable('Requires sys access to "cpus", run again with the --allow-sys flag'),
    "NotCapable",
    'Requires sys access to "cpus", run again with the --allow-sys flag in the task `start` of deno.json, which `dev` ' +
    "uses too",
  ],
  ["an error with a cause", new Error("no", { cause: new Error("why") }), "Error", "no (cause: why)"],
  ["a cause that is text", new Error("no", { cause: "why" }), "Error", "no (cause: why)"],
  ["a cause that is an object", new Error("no", { cause: { status: 4 } }), "Error", 'no (cause: {"status":4})'],
  [
    "a chain of causes",
    new Error("a", { cause: new Error("b", { cause: coded }) }),
    "Error",
    "a (cause: b (cause: connect failed (code: ECONNREFUSED)))",
  ],
  ["a circle of causes", loop, "Error", "loop (cause: …)"],
  ["an AggregateError", new AggregateError(parts(2), "all"), "AggregateError", "all (errors: part 1; part 2)"],
  [
    "an AggregateError without a message",
    new AggregateError(["x", coded]),
    "AggregateError",
    "(errors: x; connect failed (code: ECONNREFUSED))",
  ],
  ["an AggregateError of many", new AggregateError(parts(900), "all"), "AggregateError", /part 5; … and 895 more\)$/],
  [
    "a SuppressedError",
    new SuppressedError(new Error("not closed"), coded, "disposal"),
    "SuppressedError",
    "disposal (errors: connect failed (code: ECONNREFUSED); not closed)",
  ],
  ["an error of another realm", runInNewContext('new RangeError("too far")'), "RangeError", "too far"],
  [
    "a Response",
    new Response("body", { status: 503, statusText: "Service Unavailable" }),
    "Response",
    "HTTP 503 Service Unavailable",
  ],
  ["an Event", new Event("close"), "Event", 'event "close"'],
  [
    "an ErrorEvent",
    new ErrorEvent("error", { message: "bad frame", error: coded }),
    "ErrorEvent",
    'event "error": bad frame (cause: connect failed (code: ECONNREFUSED))',
  ],
  ["a DOMException", new DOMException("took too long", "TimeoutError"), "TimeoutError", "took too long"],
  ["an object like an error", { name: "GrpcError", message: "no", code: 14 }, "GrpcError", "no (code: 14)"],
  ["text", "went wrong", "Error", "went wrong"],
  ["a number", 7, "Error", "7"],
  ["a bigint", 7n, "Error", "7n"],
  ["undefined", undefined, "Error", "undefined was thrown, which explains nothing: throw an Error"],
  ["null", null, "Error", "null was thrown, which explains nothing: throw an Error"],
  ["an object", { code: 402 }, "Error", '{"code":402}'],
  ["an empty text", "", "Error", "an empty text was thrown, which explains nothing: throw an Error"],
  [
    "an object with an error in it",
    { error: coded, id: 7 },
    "Error",
    '{"error":"Error: connect failed (code: ECONNREFUSED)","id":7}',
  ],
  ["a list of errors", [new TypeError("a"), new Error("b")], "Error", '["TypeError: a","Error: b"]'],
  [
    "results of `Promise.allSettled`",
    [{ status: "rejected", reason: new Error("b") }],
    "Error",
    '[{"status":"rejected","reason":"Error: b"}]',
  ],
  ["an error that its cause holds", held, "Error", 'outer (cause: {"error":"Error: …"})'],
  ["a Map", new Map([["a", 1]]), "Error", /^Map\(1\) \{ "?'?a/],
  ["a circle", circle, "Error", /Circular/],
  ["a symbol", Symbol("no"), "Error", "Symbol(no)"],
];
for (const [what, value, name, message] of thrown) {
  Deno.test(`errorDetail describes ${what}`, () => {
    const detail = errorDetail(value);
    assert.equal(detail.name, name);
    if (typeof message === "string") assert.equal(detail.message, message);
    else assert.match(detail.message, message);
    assert.equal(detail.stack, (value as Error | undefined)?.stack);
  });
}

for (const [what, value] of Object.entries(strangeValues())) {
  Deno.test(`errorDetail, errorsIn and valueText read ${what}`, () => {
    for (const thrown of [value, new Error("no", { cause: value }), new AggregateError([value], "no")]) {
      const { name, message } = errorDetail(thrown);
      assert.equal(typeof name, "string");
      assert.ok(typeof message === "string" && message !== "");
      assert.equal(errorsIn(thrown)[0], thrown);
      assert.equal(typeof valueText(thrown), "string");
    }
  });
}

Deno.test("errorDetail says something of any value, in bounded text", () => {
  fc.assert(fc.property(fc.anything({ withNullPrototype: true, withMap: true, withBigInt: true }), (value) => {
    for (const thrown of [value, new Error("no", { cause: value }), Object.assign(new Error(), { message: value })]) {
      const { name, message } = errorDetail(thrown);
      assert.ok(name !== "" && typeof message === "string" && message.length < 20_000);
    }
  }));
});

Deno.test("errorDetail keeps the beginning of a text without spaces, and the frames behind it", () => {
  const { message, stack } = errorDetail(new Error(`bad: ${JSON.stringify({ id: 7, pad: "y".repeat(100_000) })}`));
  assert.match(message, /^bad: \{"id":7,"pad":/);
  assert.match(String(stack), /^Error: bad: \{"id":7.*…\n +at .*error_detail_test/s);
  assert.ok(String(stack).length < 16_100);
});

Deno.test("errorDetail bounds the name of an error", () => {
  assert.ok(errorDetail(Object.assign(new Error("no"), { name: "n".repeat(100_000) })).name.length < 250);
});

Deno.test("errorDetail cuts a long text between words, and bounds nested aggregates", () => {
  const secret = "s3cret".repeat(10);
  const { message } = errorDetail(new Error(`${"word ".repeat(3_190)}${secret} more`));
  assert.ok(message.length < 16_100 && message.endsWith("word …"), message.slice(-80));
  let nested: Error = new Error("leaf");
  for (let depth = 0; depth < 30; depth++) nested = new AggregateError(Array(1_000).fill(0).map(() => nested), "all");
  assert.ok(errorDetail(nested).message.length < 2_000);
  assert.ok(errorsIn(nested).length <= 20);
});
