import assert from "node:assert/strict";
import { cron, defineEvent, defineFunction, every } from "weir";
import { z } from "zod";
import { type ResolvedFunction, triggerFor } from "../../runtime/project/resolve_function.ts";
import { parserOf } from "../../runtime/api/define_event.ts";
import { buildRegistry } from "../../runtime/project/registry.ts";
import { event, fn, problemsOf, schemas } from "../support/modules.ts";

const Created = event("orders.created"), Cancelled = event("orders.cancelled"), Paid = event("payments.captured");
const SCHEMAS = [schemas("orders", Created, Cancelled), schemas("payments", Paid)];
const Unknown = event("stock.reserved");

/** Resolves a function with these options. */
function bound(options: object): ResolvedFunction {
  return buildRegistry(SCHEMAS, [fn("ship", options)]).functions[0];
}

Deno.test("resolveFunction names a function after its file, and finds the stream of each trigger", () => {
  const handler = () => {};
  const exports = { default: defineFunction({ on: [Created, Paid, "legacy.>"], emits: [Cancelled] }, handler) };
  const [bound] = buildRegistry(SCHEMAS, [{ file: "functions/shipOrder.ts", exports }]).functions;
  assert.equal(bound.name, "shipOrder");
  assert.deepEqual(bound.triggers, [
    { pattern: "orders.created", stream: "ORDERS", event: Created },
    { pattern: "payments.captured", stream: "PAYMENTS", event: Paid },
    { pattern: "legacy.>", stream: "LEGACY" },
  ]);
  assert.deepEqual(bound.emits, [Cancelled]);
  assert.equal(bound.handler, handler);
  assert.equal(bound.policy.timeoutMs, 20_000);
});

Deno.test("resolveFunction prefers the option `name` to the file's, so that a renamed file keeps its consumer", () => {
  const fn = bound({ name: "reserveStock", on: "orders.created" });
  assert.deepEqual([fn.name, fn.file], ["reserveStock", "functions/ship.ts"]);
});

Deno.test("resolveFunction takes a type given as text as its event", () => {
  assert.deepEqual(bound({ on: "orders.created" }).triggers, [
    { pattern: "orders.created", stream: "ORDERS", event: Created },
  ]);
});

Deno.test("resolveFunction takes an undeclared subject as a raw one", () => {
  assert.deepEqual(bound({ on: "legacy.orders" }).triggers, [{ pattern: "legacy.orders", stream: "LEGACY" }]);
});

Deno.test("triggerFor returns the trigger that covers a subject, or undefined", () => {
  const fn = bound({ on: ["orders.created", "legacy.>"] });
  assert.deepEqual(triggerFor(fn, "orders.created"), { pattern: "orders.created", stream: "ORDERS", event: Created });
  assert.deepEqual(triggerFor(fn, "legacy.orders"), { pattern: "legacy.>", stream: "LEGACY" });
  assert.equal(triggerFor(fn, "orders.cancelled"), undefined);
});

Deno.test("parserOf names the path of every issue, also for a schema that cannot be compiled", () => {
  const even = z.int().refine((value) => value % 2 === 0, "odd");
  const Strict = defineEvent({ type: "a.b", version: 1, data: z.object({ list: z.array(z.object({ n: even })) }) });
  const parsed = parserOf(Strict)({ list: [{ n: 2 }, { n: 3 }, {}] });
  assert.ok(!parsed.ok);
  assert.deepEqual(parsed.issues.map(({ path }) => path), ["list.1.n", "list.2.n"]);
  assert.equal(parsed.issues[0].message, "odd");
});

const NO_DEFAULT = "no default export: write `export default defineFunction(…)`, or start the file's name with _ " +
  "if it is a helper";
const NOT_ONE = "its default export is not a function of defineFunction(options, handler)";
const exported: [what: string, exports: Record<string, unknown>, problem: string][] = [
  ["no default export", { helper: () => {} }, NO_DEFAULT],
  [
    "a function that is not the default export",
    { ship: defineFunction({ on: Created }, () => {}) },
    'its function is the export "ship": write `export default` instead',
  ],
  [
    "a default export that is a plain function",
    { default: () => {} },
    `${NOT_ONE} but a plain one: write \`defineFunction({ on: … }, handler)\``,
  ],
  [
    "a default export that is a promise",
    { default: Promise.resolve() },
    `${NOT_ONE} but a promise of something: leave out \`async\`, or await it`,
  ],
  ["a default export that is null", { default: null }, `${NOT_ONE} but null`],
  ["a default export that is an object", { default: { on: "a.b" } }, `${NOT_ONE} but {"on":"a.b"}`],
  ["a default export that is an event", { default: Created }, `${NOT_ONE} but one of kind "event"`],
  [
    "a handler that comes first",
    { default: defineFunction((() => {}) as never, { on: Created } as never) },
    "the arguments of defineFunction are swapped: the options come first, then the handler",
  ],
  [
    "no handler",
    { default: defineFunction({ on: Created, emits: [] }, undefined as never) },
    "defineFunction needs a handler as its second argument, such as `async (event, ctx) => { … }`, not undefined",
  ],
];
for (const [what, exports, problem] of exported) {
  Deno.test(`resolveFunction refuses ${what}`, () => {
    assert.deepEqual(problemsOf(SCHEMAS, [{ file: "functions/ship.ts", exports }]), [`functions/ship.ts: ${problem}`]);
  });
}

for (const name of ["9lives", "-ship", "ship order", "größe", "ship.order", "s".repeat(65)]) {
  Deno.test(`resolveFunction refuses the name ${name}`, () => {
    assert.deepEqual(problemsOf(SCHEMAS, [fn(name, { on: Created })]), [
      `functions/${name}.ts: "${name}" cannot be a function's name: a letter, then letters, digits, _ and -, 64 at most`,
    ]);
  });
}

Deno.test("resolveFunction accepts a name of 64 characters", () => {
  assert.deepEqual(problemsOf(SCHEMAS, [fn("s".repeat(64), { on: Created })]), []);
});

const rows: [what: string, options: object, problem: string][] = [
  [
    "an event that is not exported",
    { on: Unknown },
    'listens on "stock.reserved", which no file in schemas/ exports: export it there',
  ],
  [
    "another definition of an event that is",
    { on: event("orders.created") },
    'listens on a second definition of "orders.created": import the one that schemas/ exports',
  ],
  ["what is no event", { on: 7 }, "listens on 7, not an event: import one from schemas/, or make it with defineEvent"],
  ["no trigger", { on: [] }, "`on` is empty: name at least one event, as in `on: OrderCreated`"],
  ["a pattern that is none", { on: "orders..x" }, '"orders..x" is not a subject pattern: it has an empty token'],
  [
    "a type of one token",
    { on: "orders" },
    'no event has the type "orders": there are: "orders.created", "orders.cancelled", "payments.captured"',
  ],
  [
    "triggers that overlap",
    { on: [Created, "orders.>"] },
    'its triggers "orders.created" and "orders.>" overlap: it would handle an event twice; keep one of them',
  ],
  [
    "one trigger twice",
    { on: [Created, Created] },
    'its triggers "orders.created" and "orders.created" overlap: it would handle an event twice; keep one of them',
  ],
  [
    "a pattern without a stream",
    { on: "*.created" },
    '"*.created" overlaps dead_letters.>, which is reserved: name its first token, as in "orders.>"',
  ],
  [
    "a reserved pattern",
    { on: "$SYS.ACCOUNT.>" },
    '"$SYS.ACCOUNT.>" overlaps $SYS.>, which is reserved',
  ],
  ["the dead letters", { on: "dead_letters.>" }, '"dead_letters.>" overlaps dead_letters.>, which is reserved'],
  [
    "emitting an event that is not exported",
    { on: Created, emits: [Paid, Unknown] },
    'emits "stock.reserved", which no file in schemas/ exports: export it there',
  ],
  ["an unknown option", { on: Created, tymeout: 1 }, 'unknown option tymeout: did you mean "timeout"?'],
];
for (const [what, options, problem] of rows) {
  Deno.test(`resolveFunction refuses ${what}: ${problem}`, () => {
    assert.deepEqual(problemsOf(SCHEMAS, [fn("ship", options)]), [`functions/ship.ts: ${problem}`]);
  });
}

const slips: [what: string, options: unknown, problem: RegExp][] = [
  [
    "no `on`",
    {},
    /^functions\/ship\.ts: `on` is missing: name the event that it handles, as in `on: OrderCreated`[^\n]*$/,
  ],
  ["an `on` that is undefined", { on: undefined }, /^functions\/ship\.ts: .*undefined/],
  ["a trigger that is undefined", { on: [Created, undefined] }, /^functions\/ship\.ts: listens on undefined/],
  ["an emitted event that is undefined", { on: Created, emits: [undefined] }, /^functions\/ship\.ts: emits undefined/],
  ["an `emits` that is no list", { on: Created, emits: Paid }, /^functions\/ship\.ts: .*\bemits\b/],
];
for (const [what, options, problem] of slips) {
  Deno.test(`resolveFunction refuses ${what}, also without a type check`, () => {
    assert.match(problemsOf(SCHEMAS, [fn("ship", options)]).join("\n"), problem);
  });
}

Deno.test("resolveFunction refuses a function without options", () => {
  const exports = { default: defineFunction(undefined as never, () => {}) };
  assert.match(
    problemsOf(SCHEMAS, [{ file: "functions/ship.ts", exports }]).join("\n"),
    /^functions\/ship\.ts: .*option/,
  );
});

Deno.test("resolveFunction gives each schedule a subject of its own in the stream SCHEDULES", () => {
  const on = [cron("0 8 * * *", { timezone: "Europe/Berlin" }), every("30s"), Created];
  const { triggers } = bound({ on });
  assert.deepEqual(triggers.map(({ pattern, stream }) => [pattern.replace(/[0-9a-f]{12}$/, "…"), stream]), [
    ["schedules.ship.cron-…", "SCHEDULES"],
    ["schedules.ship.every-30s", "SCHEDULES"],
    ["orders.created", "ORDERS"],
  ]);
  const [daily] = bound({ on: cron("0 8 * * *", { timezone: "Europe/Paris" }) }).triggers;
  assert.notEqual(daily.pattern, triggers[0].pattern);
  assert.equal(
    bound({ on: cron(" 0 8 * * * ", { catchUp: "all", timezone: "Europe/Berlin" }) }).triggers[0].pattern,
    triggers[0].pattern,
  );
});

Deno.test("resolveFunction refuses schedules with options and streams that they do not go with", () => {
  const problems = (options: object, ...more: unknown[]) =>
    problemsOf([...SCHEMAS, schemas("more", ...more)], [fn("ship", options)]);
  assert.match(
    problems({ on: every("1s"), decode: "text" })[0],
    /^functions\/ship\.ts: option decode: .* ticks .* are JSON: leave it out$/,
  );
  assert.match(problems({ on: [every("1m"), every("60s")] })[0], /"schedules\.ship\.every-1m" .* overlap/);
  assert.match(
    problems({ on: every("1ms") })[0],
    /^functions\/ship\.ts: every\("1ms"\): the shortest interval is a second/,
  );
  assert.match(
    problems({ on: every("1s") }, event("schedules.changed"))[0],
    /^functions\/ship\.ts: cron and every need the stream SCHEDULES .* but stream SCHEDULES \("schedules\.>"\) is the project's: rename it and its types$/,
  );
});
