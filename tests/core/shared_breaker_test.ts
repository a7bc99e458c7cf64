import assert from "node:assert/strict";
import fc from "fast-check";
import { type BreakerPolicy, type BreakerState, CLOSED } from "../../runtime/core/breaker.ts";
import { adopt, PROBE_LEASE_MS, readSharedState, type SharedState } from "../../runtime/core/shared_breaker.ts";

const POLICY: BreakerPolicy = { consecutiveFailures: 3, intervalMs: 1_000, openForMs: 30_000, halfOpenProbes: 1 };
const SERVER_MS = Date.UTC(2026, 0, 1), NOW_MS = 5_000;
const AT = { policy: POLICY, processId: "me", nowMs: NOW_MS, serverNowMs: SERVER_MS };

const counting: BreakerState = { kind: "closed", generation: 4, failures: 2, firstFailureMs: 100 };
const opened: BreakerState = { kind: "open", generation: 5, untilMs: 9_000 };
const probing: BreakerState = { kind: "half-open", generation: 6, probing: 1, passed: 0 };
const open = (generation: number, leftMs: number): BreakerState => (
  { kind: "open", generation, untilMs: NOW_MS + leftMs }
);

const adoptions: [what: string, local: BreakerState, shared: SharedState | undefined, agoMs: number, BreakerState][] = [
  ["nothing stored changes nothing", opened, undefined, 0, opened],
  ["one that opened now is open for its whole time", counting, { kind: "open", generation: 9 }, 0, open(9, 30_000)],
  ["one that opened before is open for the rest", counting, { kind: "open", generation: 9 }, 20_000, open(9, 10_000)],
  ["one that opened long ago may be probed", counting, { kind: "open", generation: 9 }, 90_000, open(9, 0)],
  ["a server clock that was set back adds no time", counting, { kind: "open", generation: 9 }, -1e9, open(9, 30_000)],
  ["a lower generation still counts on", opened, { kind: "open", generation: 2 }, 0, open(6, 30_000)],
  ["one that closed closes, and forgets failures", opened, { kind: "closed", generation: 8 }, 0, {
    ...CLOSED,
    generation: 8,
  }],
  ["failures from before another process closed it are forgotten", counting, { kind: "closed", generation: 1 }, 0, {
    ...CLOSED,
    generation: 5,
  }],
  [
    "the probes of another process keep it open for their lease",
    opened,
    {
      kind: "half-open",
      generation: 6,
      by: "other",
    },
    1_000,
    open(6, PROBE_LEASE_MS - 1_000),
  ],
  [
    "the probes of another process end those of its own",
    probing,
    { kind: "half-open", generation: 7, by: "other" },
    0,
    {
      kind: "open",
      generation: 7,
      untilMs: NOW_MS + PROBE_LEASE_MS,
    },
  ],
  [
    "a lease that ended may be taken over",
    opened,
    { kind: "half-open", generation: 6, by: "other" },
    60_000,
    open(6, 0),
  ],
  ["its own probes go on", probing, { kind: "half-open", generation: 6, by: "me" }, 0, probing],
];
for (const [what, local, state, agoMs, to] of adoptions) {
  Deno.test(`adopt: ${what}`, () => {
    assert.deepEqual(adopt(local, { state, revision: 7, storedAtMs: SERVER_MS - agoMs }, AT), to);
  });
}

const generations = fc.nat(50);
const locals: fc.Arbitrary<BreakerState> = fc.oneof(
  generations.map((generation): BreakerState => ({ kind: "closed", generation, failures: 2, firstFailureMs: 1 })),
  generations.map((generation): BreakerState => ({ kind: "open", generation, untilMs: NOW_MS + 7 })),
  generations.map((generation): BreakerState => ({ kind: "half-open", generation, probing: 1, passed: 0 })),
);
const plain = { noNullPrototype: true };
const states: fc.Arbitrary<SharedState> = fc.oneof(
  fc.record({ kind: fc.constantFrom("closed" as const, "open" as const), generation: generations }, plain),
  fc.record({ kind: fc.constant("half-open" as const), generation: generations, by: fc.constantFrom("a", "b") }, plain),
);

Deno.test("adopt drops earlier results by a new generation, forgets failures, and is open no longer than its policy says", () => {
  fc.assert(fc.property(locals, states, fc.integer(), (local, state, storedAtMs) => {
    const next = adopt(local, { state, revision: 1, storedAtMs }, AT);
    assert.ok(next.generation > local.generation && next.generation >= state.generation);
    assert.equal(next.kind, state.kind === "closed" ? "closed" : "open");
    if (next.kind === "closed") assert.equal(next.failures, 0);
    if (next.kind !== "open") return;
    const most = state.kind === "open" ? POLICY.openForMs : PROBE_LEASE_MS;
    assert.ok(next.untilMs >= NOW_MS && next.untilMs <= NOW_MS + most);
  }));
});

const foreign: [what: string, value: unknown][] = [
  ["undefined", undefined],
  ["a text", "open"],
  ["an unknown kind", { kind: "ajar", generation: 1 }],
  ["no generation", { kind: "open" }],
  ["a generation that is no count", { kind: "open", generation: -1 }],
  ["a generation beyond all counts", { kind: "open", generation: 2 ** 52 }],
  ["a half-open state without the process that probes", { kind: "half-open", generation: 1 }],
];
for (const [what, value] of foreign) {
  Deno.test(`readSharedState takes ${what} for no state`, () => assert.equal(readSharedState(value), undefined));
}

Deno.test("readSharedState reads what was written", () => {
  fc.assert(
    fc.property(states, (state) => assert.deepEqual(readSharedState(JSON.parse(JSON.stringify(state))), state)),
  );
});
