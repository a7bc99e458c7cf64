import assert from "node:assert/strict";
import { defineEvent } from "weir";
import { z } from "zod";
import type { IngressOptions } from "../../../runtime/api/define_event.ts";
import { checkRelease } from "../../../runtime/catalog/evolution/check_release.ts";
import { parseReleased, releasedEvent, releasedText } from "../../../runtime/catalog/evolution/released.ts";

interface Given {
  readonly version?: number;
  readonly data?: z.ZodType;
  readonly ingress?: IngressOptions;
  readonly upcasts?: Record<number, (data: unknown) => unknown>;
}
const BASE = z.object({ total: z.int() }), NARROW = z.object({ total: z.int().min(1) });
const SIGNED: IngressOptions = { route: "/x", signature: { scheme: "github", secret: "SECRET" } };
const WIDE = z.object({ total: z.number() }), same = (data: unknown) => data;

function released({ version = 1, data = BASE, ...rest }: Given) {
  return { "a.b": releasedEvent(defineEvent({ type: "a.b", version, data, ...rest })) };
}

/** Each case: before, after, whom it breaks, and a part of what to do. */
const CASES: readonly (readonly [name: string, before: Given, after: Given, breaks: string, todo?: RegExp])[] = [
  ["no change", {}, {}, ""],
  ["an optional field", {}, { data: z.object({ total: z.int(), note: z.string().optional() }) }, ""],
  ["an optional field of a later version", {}, {
    version: 2,
    data: z.object({ total: z.int(), n: z.int().optional() }),
  }, ""],
  ["a stricter field", {}, { data: NARROW }, "events,publishers", /^give a\.b `version: 2` and `upcasts: \{ 1: /],
  ["a wider field", {}, { data: WIDE }, "consumers", /^give a\.b `version: 2`$/],
  ["a wider field of a later version", {}, { data: WIDE, version: 2 }, "consumers"],
  [
    "a stricter field of a later version",
    {},
    { data: NARROW, version: 2 },
    "events,publishers",
    /^give a\.b `upcasts: \{ 1: /,
  ],
  ["a stricter field with an upcast", {}, { data: NARROW, version: 2, upcasts: { 1: same } }, "events,publishers"],
  [
    "a stricter field with an upcast of an earlier version only",
    { version: 2, upcasts: { 1: same } },
    { data: NARROW, version: 3, upcasts: { 1: same, 2: same } },
    "events,publishers",
  ],
  ["an upcast that is gone", { version: 2, upcasts: { 1: same } }, { version: 2 }, "events"],
  ["an earlier version", { version: 2 }, { version: 1 }, "", /^give a\.b version 2 or a later one/],
  ["an ingress", {}, { ingress: {} }, ""],
  ["no ingress any more", { ingress: {} }, {}, "publishers", /^give a\.b `version: 2`$/],
  ["a route", { ingress: {} }, { ingress: { route: "/x" } }, ""],
  ["another route", { ingress: { route: "/x" } }, { ingress: { route: "/y" } }, "publishers", /`version: 2`$/],
  ["a signature", { ingress: { route: "/x" } }, { ingress: SIGNED }, "publishers", /`version: 2`$/],
  ["no signature any more", { ingress: SIGNED }, { ingress: { route: "/x" } }, "publishers", /`version: 2`$/],
  ["a webhook", {}, { ingress: SIGNED }, ""],
  ["data that may be missing", {}, { data: BASE.optional() }, "consumers", /`version: 2`$/],
  ["data that may not be missing", { data: BASE.optional() }, {}, "events,publishers", /`version: 2` and `upcasts/],
];

for (const [name, before, after, breaks, todo] of CASES) {
  Deno.test(`checkRelease of ${name} ${todo ? "refuses it" : "passes"}`, () => {
    const [checked] = checkRelease(released(before), released(after));
    const broken = new Set((checked?.changes ?? []).flatMap((change) => change.breaks));
    assert.equal([...broken].join(), breaks);
    if (todo) assert.match(checked.refusal!, todo);
    else assert.equal(checked?.refusal, undefined);
  });
}

Deno.test("checkRelease takes a new event, and refuses that one is gone", () => {
  assert.deepEqual(checkRelease({}, released({})).map(({ changes, refusal }) => [changes[0].what, refusal]), [
    ["is a new event", undefined],
  ]);
  const [{ changes, refusal }] = checkRelease(released({}), {});
  assert.deepEqual(changes[0].breaks, ["events", "publishers", "consumers"]);
  assert.match(refusal!, /^declare it again, until nothing publishes a\.b/);
});

Deno.test("parseReleased reads what releasedText writes, and says what is wrong with another text", () => {
  const events = released({ ingress: { route: "/x" } });
  assert.deepEqual(parseReleased(releasedText(events)), events);
  assert.throws(() => parseReleased("{}"), /it has no `events`/);
  assert.throws(
    () => parseReleased('{"events":{"a.b":{"version":"1"}}}'),
    /its event "a\.b" has no version or no schema/,
  );
});
