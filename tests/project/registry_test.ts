import assert from "node:assert/strict";
import { defineHealthCheck, defineStream } from "weir";
import { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { buildRegistry } from "../../runtime/project/registry.ts";
import { event, fn, problemsOf, schemas } from "../support/modules.ts";

const Created = event("orders.created"), Paid = event("payments.captured");

Deno.test("buildRegistry resolves a project without mistakes", () => {
  const check = () => {};
  const registry = buildRegistry(
    [schemas("orders", Created, defineStream({ name: "ORDERS", maxAge: "1d" })), schemas("payments", Paid)],
    [
      fn("charge", { on: Created, emits: [Paid] }, { health: defineHealthCheck({ name: "payments" }, check) }),
      fn("ship", { on: Paid }),
    ],
  );
  assert.deepEqual(registry.functions.map(({ name }) => name), ["charge", "ship"]);
  assert.deepEqual([...registry.events.keys()], ["orders.created", "payments.captured"]);
  assert.deepEqual(registry.streams.map(({ name, subjects, maxAgeMs }) => ({ name, subjects, maxAgeMs })), [
    { name: "ORDERS", subjects: ["orders.>"], maxAgeMs: 86_400_000 },
    { name: "PAYMENTS", subjects: ["payments.>"], maxAgeMs: undefined },
  ]);
  assert.deepEqual(registry.healthChecks, [
    { name: "payments", timeoutMs: 2_000, check, functions: ["charge"] },
  ]);
});

Deno.test("buildRegistry of an empty project is empty", () => {
  const nothing = {
    functions: [],
    events: new Map(),
    streams: [],
    foreignStreams: [],
    warnings: [],
    healthChecks: [],
    resources: [],
    configs: [],
  };
  assert.deepEqual(buildRegistry([], []), nothing);
});

Deno.test("buildRegistry names every mistake at once, each with its file", () => {
  const bad = [
    schemas(
      "orders",
      Created,
      event("orders"),
      event("orders.dated", { version: 0 }),
      defineStream({ name: "my stream" }),
      defineStream({ name: "LETTERS", subjects: ["dead_letters.>"] }),
    ),
    schemas("shop", event("orders.created")),
  ];
  const functions = [
    { file: "functions/empty.ts", exports: {} },
    fn("9lives", { on: Created }),
    fn("ship", { on: [Created, "orders.>"], tymeout: 1 }),
    fn("charge", { on: Created, emits: [Paid] }),
    fn("mail", { on: Created }, {
      one: defineHealthCheck({ name: "mail" }, () => {}),
      two: defineHealthCheck({ name: "mail" }, () => {}),
    }),
  ];
  assert.deepEqual(problemsOf(bad, functions), [
    "schemas/orders.ts: option name: a stream's name is letters, digits, _ and -",
    'schemas/orders.ts: subject "dead_letters.>" of stream LETTERS overlaps dead_letters.>, which is reserved',
    'schemas/orders.ts: event "orders": a type is two or more tokens of letters, digits, _ and -, ' +
    'such as "orders.created"',
    'schemas/orders.ts: event "orders.dated": version 0 is not a whole number from 1',
    'schemas/shop.ts: event "orders.created" is already declared in schemas/orders.ts: a type has one definition',
    "functions/empty.ts: no default export: write `export default defineFunction(…)`, " +
    "or start the file's name with _ if it is a helper",
    'functions/9lives.ts: "9lives" cannot be a function\'s name: a letter, then letters, digits, _ and -, 64 at most',
    'functions/ship.ts: unknown option tymeout: did you mean "timeout"?',
    'functions/ship.ts: its triggers "orders.created" and "orders.>" overlap: it would handle an event twice; keep one of them',
    'functions/charge.ts: emits "payments.captured", which no file in schemas/ exports: export it there',
    "functions/mail.ts: health check mail is declared twice",
  ]);
});

const dependencies = (openFor: string) => ({ on: Created, dependencies: { Payments: { openFor } } });

Deno.test("buildRegistry refuses two policies of one dependency", () => {
  assert.deepEqual(
    problemsOf([schemas("orders", Created)], [fn("a", dependencies("1s")), fn("b", dependencies("2s"))]),
    [
      "functions/b.ts: dependency Payments has another breaker in functions/a.ts: " +
      "a dependency has one breaker; give both the same options",
    ],
  );
});

Deno.test("buildRegistry accepts equal policies of one dependency, written differently", () => {
  assert.deepEqual(
    problemsOf([schemas("orders", Created)], [fn("a", dependencies("60s")), fn("b", dependencies("1m"))]),
    [],
  );
});

Deno.test("buildRegistry names two policies of one dependency beside other mistakes", () => {
  const functions = [fn("a", dependencies("1s")), fn("b", { ...dependencies("2s"), emits: [Paid] })];
  const problems = problemsOf([schemas("orders", Created)], functions);
  assert.ok(problems.some((problem) => problem.startsWith("functions/b.ts: emits")), problems.join("\n"));
  assert.ok(problems.some((problem) => problem.startsWith("functions/b.ts: dependency Payments")), problems.join("\n"));
});

Deno.test("buildRegistry refuses two health checks of one name", () => {
  const check = () => defineHealthCheck({ name: "payments" }, () => {});
  const functions = [fn("a", { on: Created }, { one: check() }), fn("b", { on: Created }, { two: check() })];
  assert.deepEqual(problemsOf([schemas("orders", Created)], functions), [
    "functions/b.ts: health check payments is declared twice",
  ]);
});

Deno.test("buildRegistry takes one health check that several files export as a check of each of their functions", () => {
  const health = defineHealthCheck({ name: "payments" }, () => {});
  const functions = [fn("a", { on: Created }, { health }), fn("b", { on: Created }, { health })];
  const { healthChecks } = buildRegistry([schemas("orders", Created)], functions);
  assert.deepEqual(healthChecks.map(({ name, functions }) => [name, functions]), [["payments", ["a", "b"]]]);
});

Deno.test("buildRegistry names the option of a health check that was probably meant", () => {
  const options = { name: "payments", timeuot: "1s" }, health = defineHealthCheck(options, () => {});
  assert.deepEqual(problemsOf([schemas("orders", Created)], [fn("a", { on: Created }, { health })]), [
    'functions/a.ts: health check payments: unknown option timeuot: did you mean "timeout"?',
  ]);
});

for (const timeout of ["soon", -1, 0, "0s"]) {
  Deno.test(`buildRegistry refuses a health check with the timeout ${JSON.stringify(timeout)}`, () => {
    const health = defineHealthCheck({ name: "payments", timeout: timeout as number }, () => {});
    const problems = problemsOf([schemas("orders", Created)], [fn("a", { on: Created }, { health })]);
    assert.match(problems.join("; "), /^functions\/a\.ts: health check payments: its timeout is not a duration[^;]*$/);
  });
}

Deno.test("StartupProblems counts and lists its problems", () => {
  assert.equal(new StartupProblems(["PORT is wrong"]).message, "1 problem:\n  - PORT is wrong");
  assert.equal(new StartupProblems(["a", "b"]).message, "2 problems:\n  - a\n  - b");
});

Deno.test("buildRegistry warns of a subject that is nearly the type of an event", () => {
  const { warnings } = buildRegistry([schemas("orders", Created)], [fn("ship", { on: "orders.creatd" })]);
  assert.deepEqual(warnings, [
    'functions/ship.ts: no event has the type "orders.creatd": did you mean "orders.created"?',
  ]);
  assert.deepEqual(buildRegistry([schemas("orders", Created)], [fn("ship", { on: "legacy.created" })]).warnings, []);
  const [neighbour] = buildRegistry([schemas("orders", Created)], [fn("ship", { on: "orders.shipped" })]).warnings;
  assert.equal(neighbour, 'functions/ship.ts: no event has the type "orders.shipped"; there are "orders.created"');
});

Deno.test("buildRegistry refuses two functions whose names differ only in case", () => {
  assert.deepEqual(
    problemsOf([schemas("orders", Created)], [fn("Ship", { on: Created }), fn("ship", { on: Created })]),
    [
      "functions/ship.ts: its name ship is that of functions/Ship.ts, apart from upper and lower case: rename one of them",
    ],
  );
});
