import assert from "node:assert/strict";
import fc from "fast-check";
import { defineEvent } from "weir";
import { z } from "zod";
import { EMITTED_ID, emittedId } from "../../runtime/engine/handler_context.ts";
import { Billed, CAUSE, gate, NO_SPAN, setup, Shipped } from "../support/invocation.ts";

Deno.test("AttemptContext buffers emitted events", () => {
  const context = setup().newContext();
  context.emit(Shipped, { orderId: "o1" });
  context.emit(Billed, { total: 7 }, { id: "own" });
  assert.deepEqual(context.emitted, [
    {
      id: "emitted-800765a2b4680ae6df481bb4989ffa3b",
      type: "orders.shipped",
      source: "/functions/ship",
      time: "2026-01-02T00:00:00.000Z",
      json: '{"orderId":"o1"}',
      version: 1,
      hops: 1,
    },
    {
      id: "own",
      type: "orders.billed",
      source: "/functions/ship",
      time: "2026-01-02T00:00:00.000Z",
      json: '{"total":7}',
      version: 1,
      hops: 1,
    },
  ]);
});

Deno.test("AttemptContext gives the events of another attempt the same ids", () => {
  const engine = setup();
  const [first, second] = [engine.newContext(CAUSE, 1), engine.newContext(CAUSE, 2)];
  for (const context of [first, second]) {
    engine.clock.move(60_000);
    context.emit(Shipped, { orderId: "o1" });
    context.emit(Shipped, { orderId: "o1" });
  }
  const ids = (context: typeof first) => context.emitted.map(({ id }) => id);
  assert.deepEqual(ids(first), ids(second));
  assert.equal(new Set(ids(first)).size, 2);
});

const causes = fc.tuple(fc.string(), fc.string(), fc.string(), fc.string(), fc.string(), fc.nat(100));

Deno.test("emittedId is equal for the same function, event, type and position alone", () => {
  const id = ([name, source, type, id, emitted, position]: [string, string, string, string, string, number]) =>
    emittedId(name, { source, type, id }, emitted, position);
  fc.assert(fc.property(causes, causes, (a, b) => {
    const same = a.every((part, i) => part === b[i]);
    assert.equal(id(a) === id(b), same);
    assert.equal(id(a), id([...a]));
    assert.match(id(a), EMITTED_ID);
  }));
});

Deno.test("emittedId keeps its parts apart, and the messages of causes without an id", () => {
  const ids = [
    emittedId("ship", { source: "/streams/A", type: "t", id: "A:1" }, "u", 1, "A.1.7"),
    emittedId("ship", { source: "/streams/A", type: "t", id: "A:1" }, "u", 1, "A.1.8"),
    emittedId("ship", { source: "/streams/A", type: "t", id: "A:1" }, "u", 1),
    emittedId("ship", { source: "/a", type: "t", id: "b" }, "u", 1),
    emittedId("ship", { source: "/ab", type: "t", id: "" }, "u", 1),
    emittedId("ship/a", { source: "", type: "t", id: "b" }, "u", 1),
    emittedId("ship", { source: "/a", type: "t", id: "b1" }, "u", 0),
    emittedId("ship", { source: '/a","t","b', type: "", id: "" }, "u", 1),
  ];
  assert.equal(new Set(ids).size, 8);
});

Deno.test("AttemptContext.emit refuses an event that is not declared, even of a declared type", () => {
  const context = setup(undefined, { emits: [Shipped] }).newContext();
  const message = (type: string) => `ship emits ${type} without declaring it: add it to \`emits\``;
  assert.throws(() => context.emit(Billed, { total: 1 }), { name: "TypeError", message: message("orders.billed") });
  const double = defineEvent({ type: "orders.shipped", version: 2, data: z.unknown() });
  assert.throws(() => context.emit(double, {}), {
    name: "TypeError",
    message: "ship emits a second definition of orders.shipped: give the one that `emits` has",
  });
  for (const [given, shown] of [[undefined, "undefined"], [null, "null"], ["orders.shipped", '"orders.shipped"']]) {
    assert.throws(() => context.emit(given as never, {}), {
      name: "TypeError",
      message: `ship emits ${shown}, which is not an event: give one of \`emits\`, as its definition`,
    });
  }
  assert.deepEqual(context.emitted, []);
});

Deno.test("AttemptContext.emit refuses data that does not match the schema, and uses no position for it", () => {
  const { newContext } = setup();
  const context = newContext(), right = newContext();
  assert.throws(() => context.emit(Shipped, { orderId: 7 }), {
    name: "TypeError",
    message: "ship emits orders.shipped with data that its schema refuses: " +
      "orderId: Invalid input: expected string, received number",
  });
  context.emit(Shipped, { orderId: "o1" });
  right.emit(Shipped, { orderId: "o1" });
  assert.deepEqual(context.emitted, right.emitted);
});

const circular: Record<string, unknown> = {};
circular.itself = circular;
const odd: [what: string, data: unknown, message: string][] = [
  [
    "a bigint",
    { total: 5n },
    "ship emits any.thing: total is a bigint, which JSON cannot hold",
  ],
  [
    "what contains itself",
    circular,
    "ship emits any.thing: itself is a circular reference, which JSON cannot hold",
  ],
  ["undefined", undefined, "ship emits any.thing: the data is undefined, which JSON cannot hold"],
  ["a function", () => 1, "ship emits any.thing: the data is a function, which JSON cannot hold"],
];
for (const [what, data, message] of odd) {
  Deno.test(`AttemptContext.emit refuses ${what}, even if the schema accepts anything`, () => {
    const Any = defineEvent({ type: "any.thing", version: 1, data: z.unknown() });
    const context = setup(undefined, { emits: [Any] }).newContext();
    assert.throws(() => context.emit(Any, data), { name: "TypeError", message });
    assert.deepEqual(context.emitted, []);
  });
}

Deno.test("AttemptContext.emit sends the JSON form of data if the schema accepts anything", () => {
  const Any = defineEvent({ type: "any.thing", version: 1, data: z.unknown() });
  const context = setup(undefined, { emits: [Any] }).newContext();
  context.emit(Any, { at: new Date(0), none: undefined });
  assert.equal(context.emitted[0].json, '{"at":"1970-01-01T00:00:00.000Z"}');
});

Deno.test("AttemptContext.emit sends the input of the schema, since the receiver parses it again", () => {
  const Dated = defineEvent({
    type: "orders.dated",
    version: 1,
    data: z.object({ at: z.string().transform((text) => new Date(text)), count: z.int().default(1) }),
  });
  const context = setup(undefined, { emits: [Dated] }).newContext();
  context.emit(Dated, { at: "2026-01-02" });
  assert.equal(context.emitted[0].json, '{"at":"2026-01-02"}');
});

Deno.test("AttemptContext.emit throws after the handler's end", () => {
  const context = setup().newContext();
  context.end(false);
  assert.throws(() => context.emit(Shipped, { orderId: "o1" }), {
    message: "ship emits orders.shipped after it returned: await whatever emits, so that it is published",
  });
  assert.deepEqual(context.emitted, []);
});

Deno.test("AttemptContext may be destructured", () => {
  const context = setup().newContext();
  const { emit, dependency, kv } = context;
  emit(Shipped, { orderId: "o1" });
  assert.equal(context.emitted.length, 1);
  assert.equal(typeof dependency("Payments").call, "function");
  assert.throws(() => kv("stock"), { message: "no bucket stock here" });
});

Deno.test("AttemptContext.signal is aborted with its reason, whether read before or after", () => {
  const { newContext } = setup();
  const before = newContext(), after = newContext(), reason = new Error("enough");
  const signal = before.signal;
  before.abort(reason);
  before.abort(new Error("again"));
  after.abort(reason);
  assert.equal(signal.aborted, true);
  assert.equal(signal.reason, reason);
  assert.equal(after.signal.reason, reason);
  assert.equal(before.signal, signal);
});

Deno.test("AttemptContext.dependency ends a call when the attempt is aborted", async () => {
  const context = setup().newContext();
  const call = context.dependency("Payments").call(() => gate().promise);
  context.abort(new Error("enough"));
  await assert.rejects(call, { message: "enough" });
  assert.deepEqual(context.end(true), { dependency: "Payments", open: false });
});

Deno.test("AttemptContext.dependency gives a call after the attempt's end no probe", () => {
  const { clock, dependencies, newContext } = setup();
  const breaker = dependencies.breaker("Payments"), context = newContext();
  for (let i = 0; i < 2; i++) {
    const answer = breaker.admit(NO_SPAN);
    if (answer.admitted) answer.report("failure");
  }
  clock.move(10_000);
  context.end(false);
  context.dependency("Payments").call(() => gate().promise).catch(() => {});
  assert.equal(breaker.permits(), 1);
});

Deno.test("AttemptContext.emit refuses an empty id, which JetStream would not deduplicate by", () => {
  const context = setup().newContext();
  // deno-lint-ignore no-explicit-any -- what the types refuse
  for (const id of ["", 7] as any[]) {
    assert.throws(() => context.emit(Shipped, { orderId: "o1" }, { id }), {
      name: "TypeError",
      message: /^ship emits orders\.shipped with id .*: an id is a non-empty text/,
    });
  }
  assert.deepEqual(context.emitted, []);
});

for (const options of [{ idd: "own" }, { after: "5m" }]) {
  const [name] = Object.keys(options);
  Deno.test(`AttemptContext.emit refuses the unknown option ${name}`, () => {
    const context = setup().newContext();
    assert.throws(() => context.emit(Shipped, { orderId: "o1" }, options as never), {
      message: new RegExp(`^ship emits orders\\.shipped: unknown option ${name}${name === "idd" ? ': did.*"id"' : ""}`),
    });
    assert.deepEqual(context.emitted, []);
  });
}
