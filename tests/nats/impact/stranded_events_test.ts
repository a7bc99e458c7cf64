import assert from "node:assert/strict";
import { Namespace, NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { changedStreams, type Listening } from "../../../runtime/nats/impact/stranded_events.ts";
import type { Step } from "../../../runtime/nats/topology/step.ts";

const backlog = { pending: 1, unsettled: 0, delayedRetries: 0 };
const target = { what: "consumer", name: "fn", stream: "OLD" } as const;
const moved = (...filters: string[]): Step => ({ ...target, kind: "moved", filters, backlog, inUse: false });
const update = (from: string[], to: string[]): Step => {
  return { ...target, kind: "update", changes: [{ field: "filter_subjects", from, to }], leftOut: [] };
};
const on = (pattern: string, stream: string, functionName = "fn"): Listening => ({ functionName, pattern, stream });

const rows: [what: string, step: Step, listening: Listening[], expected: string[]][] = [
  ["a type that the function has elsewhere", moved("a.x"), [on("a.x", "NEW")], ["a.x to NEW, left"]],
  ["none of another function", moved("a.x"), [on("a.x", "NEW", "other")], []],
  ["none that the function does not listen to", moved("a.x"), [on("a.y", "NEW")], []],
  ["a type of a pattern elsewhere", moved("a.x"), [on("a.>", "NEW")], ["a.x to NEW, left"]],
  ["each type of a pattern that it had here", moved("a.>"), [on("a.x", "NEW"), on("a.y", "NEXT")], [
    "a.x to NEW, left",
    "a.y to NEXT, left",
  ]],
  ["a removed filter alone", update(["a.x", "a.y"], ["a.y"]), [on("a.x", "NEW"), on("a.y", "OLD")], ["a.x to NEW"]],
  ["a type of a pattern that becomes narrower", update(["a.>"], ["a.y"]), [on("a.x", "NEW"), on("a.y", "OLD")], [
    "a.x to NEW",
  ]],
  ["none that the consumer takes all the same", update(["a.>"], ["a.x"]), [on("a.x", "NEW"), on("a.x", "OLD")], []],
  ["one stream of a type that has two", moved("a.x"), [on("a.x", "NEW"), on("a.>", "NEXT")], ["a.x to NEW, left"]],
];
for (const [what, step, listening, expected] of rows) {
  Deno.test(`changedStreams finds ${what}`, () => {
    const found = changedStreams([step], listening, NO_NAMESPACE);
    assert.deepEqual(found.map(({ pattern, to, isLeft }) => `${pattern} to ${to}${isLeft ? ", left" : ""}`), expected);
    assert.deepEqual(found.map(({ filter }) => filter), found.map(({ pattern }) => pattern));
  });
}

Deno.test("changedStreams gives the subjects of a namespace, and those of another owner's stream as they are", () => {
  const names = new Namespace("shop", "shop", { streams: new Set(["LEGACY"]), subjects: new Set(["b.x"]) });
  const step = (stream: string, ...filters: string[]): Step => {
    return { ...target, name: "shop_fn", stream, kind: "moved", filters, backlog, inUse: false };
  };
  const steps = [step("shop_OLD", "shop.a.>"), step("LEGACY", "b.>")];
  const found = changedStreams(steps, [on("a.x", "shop_NEW"), on("b.x", "shop_NEW")], names);
  assert.deepEqual(found.map(({ pattern, filter, from }) => [pattern, filter, from]), [
    ["a.x", "shop.a.x", "shop_OLD"],
    ["b.x", "b.x", "LEGACY"],
  ]);
});
