import assert from "node:assert/strict";
import { defineStream } from "weir";
import { triggerFor } from "../../runtime/project/resolve_function.ts";
import { buildRegistry, subjectsOf } from "../../runtime/project/registry.ts";
import { event, fn, problemsOf, schemas } from "../support/modules.ts";

const Told = event("legacy.told", { stream: "LEGACY" }), Created = event("orders.created");
const SCHEMAS = [schemas("legacy", Told, Created)];
const raw = (pattern: string, stream: string) => ({ pattern, stream });

Deno.test("buildRegistry keeps streams that Weir does not own apart from its own", () => {
  const registry = buildRegistry(SCHEMAS, [
    fn("typed", { on: Told }),
    fn("named", { on: "legacy.told" }),
    fn("raw", { on: [raw("legacy.raw.*", "LEGACY"), raw(">", "OTHER"), Created] }),
  ]);
  assert.deepEqual(registry.streams.map(({ name }) => name), ["ORDERS"]);
  assert.deepEqual(registry.foreignStreams, ["LEGACY", "OTHER"]);
  assert.deepEqual(registry.functions.map(({ triggers }) => triggers.map(({ stream, event }) => [stream, event])), [
    [["LEGACY", Told]],
    [["LEGACY", Told]],
    [["LEGACY", undefined], ["OTHER", undefined], ["ORDERS", Created]],
  ]);
  assert.deepEqual(subjectsOf(registry), ["orders.>", "legacy.told", "legacy.raw.*", ">"]);
});

Deno.test("triggerFor prefers the triggers of the message's stream, since streams may store equal subjects", () => {
  const [ship] = buildRegistry(SCHEMAS, [fn("ship", { on: [Created, raw("orders.>", "EU"), raw("orders.>", "US")] })])
    .functions;
  const streamOf = (subject: string, stream?: string) => triggerFor(ship, subject, stream)?.stream;
  assert.deepEqual(["ORDERS", "EU", "US"].map((stream) => streamOf("orders.created", stream)), ["ORDERS", "EU", "US"]);
  assert.equal(triggerFor(ship, "orders.created", "EU")?.event, undefined);
  assert.deepEqual([streamOf("orders.created"), streamOf("orders.created", "BEFORE")], ["ORDERS", "ORDERS"]);
  assert.deepEqual([streamOf("orders.paid", "US"), streamOf("orders.paid", "BEFORE")], ["US", "EU"]);
});

const FORM = 'a pattern with its stream is `{ pattern: "legacy.>", stream: "LEGACY" }`';
const rows: [what: string, options: object, problem: string][] = [
  [
    "a pattern without its stream",
    { on: { pattern: "a.b" } },
    `listens on {"pattern":"a.b"}: ${FORM}; a pattern in a stream ` +
    "of Weir's own is a text",
  ],
  [
    "an unknown key beside a pattern",
    { on: { pattern: "a.b", steam: "A" } },
    `unknown option steam: did you mean "stream"?: ${FORM}`,
  ],
  [
    "the name of a stream that is none",
    { on: raw("a.b", "a.b") },
    'stream "a.b" is not the name of a stream, such as "LEGACY"',
  ],
  [
    "the name of a stream that is no text",
    { on: { pattern: "a.b", stream: 7 } },
    'stream 7 is not the name of a stream, such as "LEGACY"',
  ],
  ["a stream of Weir's own", { on: raw("a.b", "RETRIES") }, "stream RETRIES is Weir's own: its name is reserved"],
  [
    "the default stream of other events",
    { on: raw("orders.x", "ORDERS") },
    'stream ORDERS is the default stream of "orders.>", so Weir owns it: leave out `stream`, or give every event and ' +
    'pattern of that stream `stream: "ORDERS"` and declare it nowhere',
  ],
  [
    "a pattern of such a stream without its name",
    { on: "legacy.>" },
    'stream LEGACY of "legacy.>" is named elsewhere as one that Weir does not own: name it here as well, by ' +
    '`stream: "LEGACY"` in defineEvent, or in `on: { pattern: "legacy.>", stream: "LEGACY" }`',
  ],
  [
    "patterns that overlap in one stream",
    { on: [raw("a.>", "A"), raw("a.b", "A")] },
    'its triggers "a.>" and "a.b" overlap: it would handle an event twice; keep one of them',
  ],
  [
    "`decode` of an event with a schema",
    { on: [Told, raw("a.b", "A")], decode: "text" },
    'option decode: it is for raw subject patterns, and the schema of "legacy.told" says what its data is: leave it out, ' +
    "or move the patterns to a function of their own",
  ],
  ["an unknown form of data", { on: "a.b", decode: "xml" }, 'option decode: "xml" is none of "json", "text", "bytes"'],
];
for (const [what, options, problem] of rows) {
  Deno.test(`resolveFunction refuses ${what}`, () => {
    assert.deepEqual(problemsOf(SCHEMAS, [fn("ship", options)]), [`functions/ship.ts: ${problem}`]);
  });
}

Deno.test("resolveEvents refuses a declared stream as one that Weir does not own", () => {
  const Mine = defineStream({ name: "LEGACY" });
  assert.deepEqual(problemsOf([schemas("legacy", Mine, Told)]), [
    'schemas/legacy.ts: event "legacy.told": stream LEGACY is declared in schemas/legacy.ts, so Weir owns it: leave out ' +
    '`stream`, or give every event and pattern of that stream `stream: "LEGACY"` and declare it nowhere',
  ]);
});
