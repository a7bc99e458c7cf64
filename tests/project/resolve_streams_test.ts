import assert from "node:assert/strict";
import fc from "fast-check";
import { defineStream } from "weir";
import type { StreamOptions } from "../../runtime/api/define_stream.ts";
import { StreamMap } from "../../runtime/project/resolve_streams.ts";

/** Returns a map with these streams declared, which must be valid. */
function declared(...streams: StreamOptions[]): StreamMap {
  const map = new StreamMap();
  for (const stream of streams) assert.deepEqual(map.declare(defineStream(stream), "schemas/orders.ts"), []);
  return map;
}

Deno.test("StreamMap takes the first token in upper case as the default stream", () => {
  const map = declared();
  assert.deepEqual(map.streamFor("orders.created"), { ok: true, stream: "ORDERS" });
  assert.deepEqual(map.streamFor("orders.eu.cancelled"), { ok: true, stream: "ORDERS" });
  assert.deepEqual(map.streamFor("legacy.>"), { ok: true, stream: "LEGACY" });
  assert.deepEqual(map.all(), [
    { name: "ORDERS", subjects: ["orders.>"] },
    { name: "LEGACY", subjects: ["legacy.>"] },
  ]);
});

Deno.test("StreamMap gives first tokens that differ only in case one stream", () => {
  const map = declared();
  map.streamFor("orders.created");
  assert.deepEqual(map.streamFor("Orders.created"), { ok: true, stream: "ORDERS" });
  assert.deepEqual(map.all(), [{ name: "ORDERS", subjects: ["orders.>", "Orders.>"] }]);
});

Deno.test("StreamMap keeps the settings of a declared stream, in milliseconds", () => {
  const map = declared({
    name: "ORDERS",
    maxAge: "30d",
    maxBytes: 1_000,
    storage: "memory",
    duplicateWindow: "10m",
  });
  assert.deepEqual(map.all(), [{
    name: "ORDERS",
    subjects: ["orders.>"],
    maxAgeMs: 2_592_000_000,
    maxBytes: 1_000,
    storage: "memory",
    duplicateWindowMs: 600_000,
  }]);
});

Deno.test("StreamMap prefers a declared stream that covers a subject to the default one", () => {
  const map = declared({ name: "SHOP", subjects: ["orders.*", "stock.>"] });
  assert.deepEqual(map.streamFor("orders.created"), { ok: true, stream: "SHOP" });
  assert.deepEqual(map.streamFor("stock.eu.>"), { ok: true, stream: "SHOP" });
  assert.deepEqual(map.all().map(({ name }) => name), ["SHOP"]);
});

const HELP = 'milliseconds, or text such as "250ms", "10s", "5m", "2h", "7d"';
const ONE = "JetStream stores a subject in one stream only";
const declarations: [what: string, streams: object[], problems: string[]][] = [
  ["a name with a space", [{ name: "MY ORDERS" }], ["option name: a stream's name is letters, digits, _ and -"]],
  ["an unknown option", [{ name: "ORDERS", maxMsgs: 1 }], ["unknown option maxMsgs"]],
  ["a bad age", [{ name: "ORDERS", maxAge: "week" }], [
    `option maxAge: "week" is not a duration above zero: ${HELP}`,
  ]],
  ["one name twice", [{ name: "ORDERS" }, { name: "ORDERS", subjects: ["a.>"] }], [
    "stream ORDERS is already declared in schemas/orders.ts: a stream has one declaration",
  ]],
  ["a subject that is none", [{ name: "ORDERS", subjects: ["orders..x"] }], [
    'subject "orders..x" of stream ORDERS: it has an empty token',
  ]],
  ["the dead letters' subjects", [{ name: "MINE", subjects: ["dead_letters.mine.>"] }], [
    'subject "dead_letters.mine.>" of stream MINE overlaps dead_letters.>, which is reserved',
  ]],
  ["JetStream's own subjects", [{ name: "MINE", subjects: ["$JS.API.x"] }], [
    'subject "$JS.API.x" of stream MINE overlaps $JS.>, which is reserved',
  ]],
  ["key-value subjects", [{ name: "MINE", subjects: ["$KV.stock.>"] }], [
    'subject "$KV.stock.>" of stream MINE overlaps $KV.>, which is reserved',
  ]],
  ["every subject there is", [{ name: "ALL", subjects: [">"] }], [
    'subject ">" of stream ALL overlaps dead_letters.>, which is reserved',
  ]],
  ["subjects of another stream", [{ name: "A", subjects: ["x.>"] }, { name: "B", subjects: ["x.*.z", "y"] }], [
    `subject "x.*.z" of stream B overlaps "x.>" of stream A: ${ONE}`,
  ]],
  ["all of that at once", [{ name: "A", subjects: ["x.>"] }, { name: "B", subjects: ["x.y", "_INBOX.a", "b..c"] }], [
    `subject "x.y" of stream B overlaps "x.>" of stream A: ${ONE}`,
    'subject "_INBOX.a" of stream B overlaps _INBOX.>, which is reserved',
    'subject "b..c" of stream B: it has an empty token',
  ]],
];
for (const [what, streams, problems] of declarations) {
  Deno.test(`StreamMap refuses ${what}: ${problems.join("; ")}`, () => {
    const map = new StreamMap();
    assert.deepEqual(
      streams.flatMap((stream) => map.declare(defineStream(stream as StreamOptions), "schemas/orders.ts")),
      problems,
    );
  });
}

const refusals: [what: object, option: string][] = [
  [{ name: "ORDERS", subjects: [] }, "option subjects: "],
  [{ name: "ORDERS", storage: "tape" }, "option storage: "],
  [{ name: "ORDERS", maxBytes: 0 }, "option maxBytes: "],
];
for (const [options, where] of refusals) {
  Deno.test(`StreamMap refuses ${JSON.stringify(options)} by the option's name`, () => {
    const [problem, ...more] = new StreamMap().declare(defineStream(options as StreamOptions), "schemas/orders.ts");
    assert.ok(problem?.startsWith(where), problem);
    assert.deepEqual(more, []);
  });
}

Deno.test("StreamMap refuses a stream whose own subjects overlap, as JetStream does", () => {
  const problems = new StreamMap().declare(
    defineStream({ name: "ORDERS", subjects: ["orders.>", "orders.created"] }),
    "schemas/orders.ts",
  );
  assert.equal(problems.length, 1);
  assert.match(problems[0], /"orders.created" of stream ORDERS .*"orders.>"/);
});

Deno.test("StreamMap refuses the reserved name of the dead letters", () => {
  const problems = new StreamMap().declare(
    defineStream({ name: "DEAD_LETTERS", subjects: ["failures.>"] }),
    "schemas/orders.ts",
  );
  assert.equal(problems.length, 1);
  assert.match(problems[0], /DEAD_LETTERS.* reserved/);
});

const homeless: [what: string, streams: StreamOptions[], pattern: string, problem: string][] = [
  [
    "a wildcard names no stream",
    [],
    "*.created",
    '"*.created" overlaps dead_letters.>, which is reserved: name its first token, as in "orders.>"',
  ],
  ["nor does a bucket", [], "$KV.cfg.>", '"$KV.cfg.>" overlaps $KV.>, which is reserved'],
  ["nor does an object store", [], "$O.files.>", '"$O.files.>" overlaps $O.>, which is reserved'],
  ["nor does MQTT", [], "$MQTT.msgs.>", '"$MQTT.msgs.>" overlaps $MQTT.>, which is reserved'],
  [
    "nor does a single token",
    [],
    "orders",
    'no stream covers "orders" and its first token names no default one: ' +
    "declare it with defineStream",
  ],
  ["a reserved subject has none", [], "dead_letters.x", '"dead_letters.x" overlaps dead_letters.>, which is reserved'],
  [
    "a declared stream is not widened",
    [{ name: "ORDERS", subjects: ["orders.created"] }],
    "orders.cancelled",
    'stream ORDERS is declared but does not cover "orders.cancelled": add it to the stream\'s subjects',
  ],
  [
    "a default stream may not overlap a declared one",
    [{ name: "SHOP", subjects: ["orders.created"] }],
    "orders.cancelled",
    'the default stream ORDERS for "orders.cancelled" would overlap "orders.created" of stream SHOP: ' +
    "let that stream cover it",
  ],
];
Deno.test("StreamMap advises to declare a stream only for a pattern that a declared stream may have, advice that works", () => {
  const token = fc.constantFrom(
    "*",
    "orders",
    "Ä",
    "$KV",
    "$JS",
    "$SYS",
    "$O",
    "_INBOX",
    "retries",
    "dead_letters",
    "x",
  );
  const pattern = fc.tuple(fc.array(token, { minLength: 1, maxLength: 3 }), fc.constantFrom("", ".>"))
    .map(([tokens, end]) => tokens.join(".") + end);
  fc.assert(fc.property(fc.oneof(pattern, fc.constant(">")), (pattern) => {
    const home = declared().streamFor(pattern);
    if (home.ok || !home.problem.includes("defineStream")) return;
    assert.deepEqual(declared({ name: "MINE", subjects: [pattern] }).streamFor(pattern), { ok: true, stream: "MINE" });
  }));
});

for (const [what, streams, pattern, problem] of homeless) {
  Deno.test(`StreamMap has no stream: ${what}`, () =>
    assert.deepEqual(declared(...streams).streamFor(pattern), { ok: false, problem }));
}

Deno.test("StreamMap counts a declaration that is exported twice once", () => {
  const map = new StreamMap(), orders = defineStream({ name: "ORDERS" });
  assert.deepEqual([...map.declare(orders, "schemas/orders.ts"), ...map.declare(orders, "schemas/index.ts")], []);
});
