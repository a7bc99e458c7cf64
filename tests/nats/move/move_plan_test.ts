import assert from "node:assert/strict";
import { type Declared, type Fate, fateOf, streamsOf } from "../../../runtime/nats/move/move_plan.ts";

type Trigger = readonly [pattern: string, stream: string];

const fn = (...triggers: Trigger[]) => ({
  name: "mail",
  triggers: triggers.map(([pattern, stream]) => ({ pattern, stream })),
});

const FATES: readonly [what: string, triggers: readonly Trigger[] | undefined, patterns: readonly string[], Fate][] = [
  ["takes another type", [["a.b", "NEW"]], ["a.c"], { kind: "none" }],
  ["has the type in the new stream", [["a.b", "NEW"]], ["a.b"], { kind: "moves", patterns: ["a.b"] }],
  ["has two types in new streams", [["a.b", "NEW"], ["a.c", "THIRD"]], ["a.b", "a.c"], {
    kind: "moves",
    patterns: ["a.b", "a.c"],
  }],
  ["listens by a pattern", [["a.>", "NEW"]], ["a.>"], { kind: "moves", patterns: ["a.>"] }],
  ["listens by a wider pattern than before", [["a.>", "NEW"]], ["a.*"], { kind: "moves", patterns: ["a.*"] }],
  ["listens by a narrower pattern than before", [["a.b", "NEW"]], ["a.*"], { kind: "unheard", patterns: ["a.*"] }],
  ["still has another trigger there", [["a.b", "NEW"], ["a.c", "OLD"]], ["a.b", "a.c"], {
    kind: "pulled",
    triggers: ["a.c"],
  }],
  ["still has a trigger there, and not the type", [["a.c", "OLD"]], ["a.b", "a.c"], {
    kind: "unheard",
    patterns: ["a.b"],
  }],
  ["has a part of its pattern there", [["a.b", "NEW"], ["a.c", "OLD"]], ["a.*"], { kind: "pulled", triggers: ["a.c"] }],
  ["has lost a trigger", [["a.b", "NEW"]], ["a.b", "a.c"], { kind: "unheard", patterns: ["a.c"] }],
  ["is gone", undefined, ["a.b"], { kind: "unheard", patterns: ["a.b"] }],
  ["takes the whole stream", [["a.b", "NEW"]], [], { kind: "unheard", patterns: [">"] }],
];

for (const [what, triggers, patterns, fate] of FATES) {
  Deno.test(`fateOf says ${fate.kind} for a function that ${what}`, () => {
    assert.deepEqual(fateOf(triggers && fn(...triggers), patterns, "a.b", "OLD"), fate);
  });
}

const DECLARED: Declared = {
  functions: [fn(["a.>", "OWN"], ["raw.x", "LEGACY"])],
  events: new Map([["a.b", {}], ["c.d", { stream: "FOREIGN" }]]),
  streams: [{ name: "OWN", subjects: ["a.>"] }, { name: "C", subjects: ["c.>"] }],
};

for (
  const [type, streams] of [
    ["a.b", ["OWN"]],
    ["a.z", ["OWN"]],
    ["c.d", ["FOREIGN"]],
    ["raw.x", ["LEGACY"]],
    ["*.*", ["FOREIGN", "LEGACY", "OWN"]],
    ["c.e", []],
  ] as const
) {
  Deno.test(`streamsOf finds ${streams.join(", ") || "nothing"} for ${type}`, () => {
    assert.deepEqual(streamsOf(type, DECLARED), streams);
  });
}
