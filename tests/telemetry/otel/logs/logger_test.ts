import assert from "node:assert/strict";
import fc from "fast-check";
import { TestClock } from "../../../../runtime/testing/test_clock.ts";
import { LogDedup } from "../../../../runtime/telemetry/otel/logs/log_dedup.ts";
import { LOG_LEVELS, Logger, type LogLevel } from "../../../../runtime/telemetry/otel/logs/logger.ts";
import { redactor } from "../../../../runtime/telemetry/otel/logs/redact.ts";
import { strangeValues } from "../../../support/strange_values.ts";

/** The way of a line in production: redacted, and limited. */
const PRODUCTION = { redact: redactor([]), dedup: new LogDedup(new TestClock()) };

function setup(level: LogLevel = "debug", format: "json" | "pretty" = "json") {
  const lines: string[] = [];
  const log = new Logger({ ...PRODUCTION, level, format, write: (line) => lines.push(line) });
  /** The last line, parsed. */
  const last = () => JSON.parse(lines.at(-1)!);
  return { log, lines, last };
}

for (
  const [level, written] of [
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
  ] as const
) {
  Deno.test(`Logger at level ${level} writes ${written.join(", ")}`, () => {
    const { log, lines } = setup(level);
    for (const each of LOG_LEVELS) log[each]("hello");
    assert.deepEqual(lines.map((line) => JSON.parse(line).level), written);
    assert.deepEqual(LOG_LEVELS.filter((each) => log.enabled(each)), written);
  });
}

Deno.test("Logger writes a line as one JSON object: time, level, message, then the fields", () => {
  const { log, lines, last } = setup();
  log.info("order\nstored", { orderId: "o1", total: 12.5, late: undefined });
  assert.equal(lines.length, 1);
  assert.doesNotMatch(lines[0], /\n/);
  const { time, ...rest } = last();
  assert.equal(new Date(time).toISOString(), time);
  assert.deepEqual(rest, { level: "info", message: "order\nstored", orderId: "o1", total: 12.5 });
  assert.match(lines[0], /^\{"time":"[^"]+","level":"info","message":"order\\nstored","orderId":"o1","total":12\.5\}$/);
});

Deno.test("Logger.child adds its fields, and the innermost value wins", () => {
  const { log, last } = setup();
  const child = log.child({ function: "reserve", attempt: 1 }).child(() => ({ attempt: 2, event_id: "e1" }));
  child.warn("slow", { attempt: 3 });
  const { time: _, ...rest } = last();
  assert.deepEqual(rest, { level: "warn", message: "slow", function: "reserve", attempt: 3, event_id: "e1" });
});

Deno.test("Logger evaluates fields given as a function only for lines that are written", () => {
  const { log } = setup("warn");
  let made = 0;
  const child = log.child(() => ({ made: ++made }));
  child.info("not written");
  assert.equal(made, 0);
  child.warn("written");
  assert.equal(made, 1);
});

Deno.test("Logger methods work when they are destructured", () => {
  const { log, last } = setup();
  const { info } = log.child({ function: "reserve" });
  info("hello");
  assert.equal(last().function, "reserve");
});

Deno.test("Logger lets no field override time, level and message", () => {
  const { log, last } = setup();
  log.error("the order failed", { level: "debug", time: "never", message: "something else" });
  const { level, time, message } = last();
  assert.deepEqual([level, message], ["error", "the order failed"]);
  assert.equal(new Date(time).toISOString(), time);
});

const coded = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
const anything: [what: string, args: readonly unknown[], expected: Record<string, unknown>][] = [
  ["an error as the message", [coded], {
    message: "Error: refused",
    error: { name: "Error", message: "refused", code: "ECONNREFUSED", stack: coded.stack },
  }],
  ["an error as the fields", ["failed", new TypeError("no")], { message: "failed", error: "TypeError: no" }],
  ["undefined", [undefined], { message: "undefined" }],
  ["null", [null], { message: "null", error: null }],
  ["a number, an index and a list, as forEach passes", [7, 0, [7]], { message: "7", error: 7, value: 0 }],
  ["a list as the fields", ["seen", ["a", "b"]], { message: "seen", value: ["a", "b"] }],
  ["an object", [{ status: 402 }], { message: "{ status: 402 }", error: { status: 402 } }],
  ["an Event as the fields", ["closed", new Event("close")], { message: "closed", error: /^Event \{.* type: 'close'/ }],
  ["a Date as the fields", ["at", new Date(0)], { message: "at", value: "1970-01-01T00:00:00.000Z" }],
  ["parts of an aggregate", ["all", new AggregateError([coded], "no")], {
    message: "all",
    error: "AggregateError: no",
  }],
];
for (const [what, args, expected] of anything) {
  Deno.test(`Logger takes ${what}`, () => {
    for (const level of LOG_LEVELS) {
      const { log, last } = setup();
      (log[level] as (...args: unknown[]) => void)(...args);
      const { time: _, level: __, ...line } = last();
      if (typeof expected.error === "string") line.error = `${line.error.name}: ${line.error.message}`;
      if (expected.error instanceof RegExp) {
        assert.match(line.error, expected.error);
        line.error = expected.error;
      }
      assert.deepEqual(line, expected);
    }
  });
}

for (const [what, value] of Object.entries(strangeValues())) {
  Deno.test(`Logger never throws, and writes one line with all that can be read: ${what}`, () => {
    for (const format of ["json", "pretty"] as const) {
      const { log, lines } = setup("debug", format), child = log.child({ function: "reserve" });
      child.error(value);
      child.warn("text", value);
      child.info("text", { value, order: "o1" });
      child.error("text", { error: value, order: "o1" });
      child.debug(value, value);
      assert.equal(lines.length, 5);
      assert.ok(lines.every((line) => line.includes("reserve")), lines.join("\n"));
      for (const line of [lines[2], lines[3]]) assert.match(line, /o1/);
    }
  });
}

Deno.test("Logger takes any value, and JSON lines stay JSON", () => {
  const { log, lines } = setup();
  fc.assert(fc.property(fc.anything({ withBigInt: true, withMap: true, withNullPrototype: true }), (value) => {
    log.info(value, value);
    log.warn("text", { value });
    for (const line of lines.splice(0)) assert.equal(typeof JSON.parse(line).message, "string");
  }));
});

Deno.test("Logger writes an error with its name, message, stack and cause", () => {
  const { log, last } = setup();
  const error = new TypeError("no such order", { cause: new Error("timeout") });
  log.error("failed", { error });
  assert.equal(last().error.name, "TypeError");
  assert.equal(last().error.message, "no such order");
  assert.match(last().error.stack, /^TypeError: no such order\n +at /);
  assert.equal(last().error.cause.message, "timeout");
});

Deno.test("Logger writes bigints, circular values and values that JSON lacks", () => {
  const { log, last } = setup();
  const circle: Record<string, unknown> = { name: "circle" };
  circle.self = circle;
  log.info("odd", { big: 12345678901234567890n, circle, not: NaN, when: new Date(0), fn: () => 1, sym: Symbol("s") });
  const { time: _, ...rest } = last();
  assert.deepEqual(rest, {
    level: "info",
    message: "odd",
    big: "12345678901234567890",
    circle: { name: "circle", self: "[seen above]" },
    not: null,
    when: "1970-01-01T00:00:00.000Z",
  });
});

Deno.test("Logger writes what JSON hides: maps, sets, headers and bytes, also in the place of fields", () => {
  const { log, last } = setup();
  const map = new Map([["a", 1]]), bytes = new Uint8Array(1_000_000);
  log.info("stored", { map, deep: { set: new Set([7]), headers: new Headers({ x: "y" }), bytes }, none: {} });
  const { map: written, deep, none } = last();
  assert.deepEqual([written, deep.set, none], ["Map(1) { 'a' => 1 }", "Set(1) { 7 }", {}]);
  assert.match(deep.headers, /Headers.*x.*y/);
  assert.match(deep.bytes, /^Uint8Array\(1000000\).*999980 more items/s);
  log.info("stored", map);
  assert.equal(last().value, "Map(1) { 'a' => 1 }");
  log.info("stored", bytes);
  assert.match(last().value, /^Uint8Array\(1000000\)/);
});

Deno.test("Logger writes an error that is its own cause", () => {
  const { log, last } = setup();
  const error = new Error("round and round");
  error.cause = error;
  log.error("failed", { error });
  assert.equal(last().error.message, "round and round");
});

for (
  const [what, value] of [
    ["a toJSON", {
      toJSON() {
        throw new Error("no");
      },
    }],
    ["a getter", {
      get value() {
        throw new Error("no");
      },
    }],
    [
      "a revoked proxy",
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    ],
  ] as const
) {
  Deno.test(`Logger does not throw if the value of a field throws from ${what}`, () => {
    const { log, last } = setup();
    log.info("odd", { value });
    assert.deepEqual([last().level, last().message], ["info", "odd"]);
  });
}

Deno.test("Logger in pretty format writes time, level, function, message, fields", () => {
  const { log, lines } = setup("debug", "pretty");
  log.child({ function: "reserve" }).warn("slow", { attempt: 2, sku: "book", items: [1], none: undefined });
  // deno-lint-ignore no-control-regex -- colours, where there are any
  const plain = lines[0].replace(/\u001b\[\d+m/g, "");
  assert.match(plain, /^\d\d:\d\d:\d\d\.\d{3} warn {2}reserve slow attempt=2 sku=book items=\[1\]$/);
});

for (const format of ["json", "pretty"] as const) {
  Deno.test(`Logger in ${format} format lets no text of an event forge a line, terminal forging`, () => {
    const { log, lines } = setup("debug", format);
    const forged = "o1\u001b[2J\u009b1A\n12:00:00.000 error all is lost\u202e";
    log.child({ function: forged }).warn(forged, { event_id: forged, error: new Error(forged), [forged]: [forged] });
    assert.equal(lines.length, 1);
    // deno-lint-ignore no-control-regex -- colours of the logger itself
    assert.doesNotMatch(lines[0].replace(/\u001b\[\d+m/g, ""), /[\p{Cc}\p{Zl}\u202e]/u);
    if (format === "json") assert.equal(JSON.parse(lines[0]).event_id, forged);
  });

  Deno.test(`Logger in ${format} format writes a bounded line whatever its fields are, bounded work`, () => {
    const { log, lines } = setup("debug", format);
    const text = "x ".repeat(5_000_000), list = Array.from({ length: 300_000 }, () => ({}));
    log.error(text, { error: text });
    log.error("failed", { error: new Error(text, { cause: new Error(text) }) });
    log.info("seen", { list, deep: JSON.parse("[".repeat(200_000) + "]".repeat(200_000)) });
    log.info("seen", Object.fromEntries(list.map((value, i) => [`key${i}`, value])));
    for (const line of lines) assert.ok(line.length < 200_000, `${line.length}`);
    assert.match(lines[2], /seen/);
    assert.match(lines[3], /"?omitted_fields"?[:=]2\d{5}/);
    if (format === "json") { for (const line of lines) JSON.parse(line); }
  });
}
