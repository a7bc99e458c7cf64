import assert from "node:assert/strict";
import { defineFunction, type FunctionDefinition } from "weir";
import type { Delivery, DeliveryHistory } from "../../runtime/core/delivery.ts";
import { checkDelivery } from "../../runtime/core/check_delivery.ts";
import { decideOutcome, deferForRate, giveBack } from "../../runtime/core/decide_outcome.ts";
import type { OnFailure } from "../../runtime/core/order.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { Attempt } from "../../runtime/engine/attempt.ts";
import type { AttemptCounts } from "../../runtime/engine/attempt_store.ts";
import { KeyFailures } from "../../runtime/engine/key_failures.ts";
import type { ParkedKeys } from "../../runtime/engine/parked_keys.ts";
import { countsOfRetry } from "../../runtime/nats/consume/stored_counts.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { delivery } from "../support/deliveries.ts";
import { LEASE } from "../support/invocation.ts";

/**
 * The way in which a delivery ends: `vanishes` before its handler, and `dies` in it; an earlier release runs `dies-early`
 * and `defers-early`, whose counts have no number of deaths.
 */
type Step = "fails" | "dies" | "vanishes" | "defers" | "stops" | "dies-early" | "defers-early";

const ERROR = { name: "Error", message: "down" };
const NO_ROOM = { isFullFor: () => true, park: () => false } as unknown as ParkedKeys;

/** Returns how the event ends after deliveries, or the number of the attempt that it would make next. */
function after(
  steps: readonly Step[],
  attempts: number,
  onFailure: OnFailure,
  parked?: ParkedKeys,
  history: Partial<DeliveryHistory> = {},
): string | number {
  const order = { by: () => "a", onFailure };
  const definition = defineFunction({ on: "orders.>", order, retry: { attempts } } as never, () => {});
  const [fn] = registryOf({ ship: definition as FunctionDefinition }).functions;
  const failures = new KeyFailures(order, parked), clock = new TestClock();
  let stored: AttemptCounts | undefined, deliveryCount = 0;
  const next = (): Attempt => {
    const attempt = new Attempt(fn, clock, deliveryOf(history, ++deliveryCount), LEASE);
    [attempt.trigger] = fn.triggers;
    attempt.decoded = { kind: "event", event: {} } as unknown as Attempt["decoded"];
    attempt.turn = { key: "a" } as Attempt["turn"];
    // Its function is marked as one that pulls ahead.
    if (!attempt.isCounted) attempt.applyCounts(stored ?? { begun: 0, excused: 0, mayHaveEmitted: true });
    failures.keepTrying(attempt);
    return attempt;
  };
  const early = () => {
    if (stored?.isUnended) stored = { ...stored, deaths: undefined };
  };
  for (const step of steps) {
    const attempt = next(), refusal = checkDelivery(attempt);
    if (refusal) return `${ended(failures.decided(attempt, refusal))} before ${step}`;
    if (step === "vanishes") continue;
    if (step !== "defers" && step !== "defers-early") stored = attempt.countsAtStart ?? stored;
    if (step === "dies-early") early();
    if (step === "dies" || step === "dies-early") continue;
    const decided = step === "fails"
      ? decideOutcome({ kind: "failed", error: ERROR }, attempt)
      : step === "stops"
      ? giveBack("shutdown")
      : deferForRate(1, attempt);
    const outcome = failures.decided(attempt, decided);
    if (outcome.kind !== "retry") return `${ended(outcome)} at ${step}`;
    stored = countsOfRetry(attempt.delivery, attempt.usedUpAfter(outcome)!, outcome);
    if (step === "defers-early") early();
  }
  const attempt = next(), refusal = checkDelivery(attempt);
  return refusal ? ended(failures.decided(attempt, refusal)) : attempt.number;
}

function deliveryOf(history: Partial<DeliveryHistory>, deliveryCount: number): Delivery {
  const first = delivery();
  return { ...first, history: { ...first.history, ...history }, deliveryCount };
}

function ended(outcome: Outcome): string {
  return outcome.kind === "dead-letter" ? `${outcome.reason} after ${outcome.attempts}` : outcome.kind;
}

const times = (count: number, ...steps: Step[]): Step[] => Array(count).fill(steps).flat();

for (
  const [what, steps, expected, attempts = 3] of [
    ["fails for ever", times(50, "fails"), 3],
    ["dies once its attempts are used up", [...times(9, "fails"), "dies"], 3],
    ["dies again and again, and fails in between", [...times(9, "fails"), ...times(20, "dies", "fails")], 3],
    ["dies one time fewer than it has attempts", [...times(9, "fails"), "dies", "dies"], 3],
    ["dies as often in a row as it has attempts", [...times(9, "fails"), ...times(3, "dies")], "crashed after 3"],
    [
      "dies as often, and is deferred in between",
      [...times(9, "fails"), ...times(3, "defers", "stops", "dies")],
      "crashed after 3",
    ],
    ["dies as often, and fails once", [...times(9, "fails"), "dies", "dies", "fails", "dies", "dies"], 3],
    ["dies from its beginning", ["vanishes", ...times(3, "dies")], "crashed after 3"],
    ["dies before it fails", ["vanishes", "dies", "fails", "dies", "fails"], 3],
    ["vanishes often", times(50, "vanishes"), 1],
    ["is deferred often", ["fails", ...times(50, "defers")], 2],
    ["has one attempt, and fails for ever", times(9, "fails"), 1, 1],
    ["has one attempt, and dies in it", ["fails", "dies"], "crashed after 1", 1],
    ["dies under an earlier release", [...times(9, "fails"), ...times(9, "dies-early")], 3],
    ["dies under an earlier release, and then goes on to", [
      ...times(9, "fails"),
      ...["dies", "dies", "dies-early", "dies", "dies"] as const,
    ], "crashed after 3"],
    ["dies, and is deferred by an earlier release", [
      ...times(9, "fails"),
      ...["dies", "dies", "defers-early", "dies"] as const,
    ], 3],
  ] as [string, Step[], string | number, number?][]
) {
  const end = typeof expected === "number" ? `runs again as attempt ${expected}` : `ends as ${expected}`;
  Deno.test(`[G26] KeyFailures: an event that blocks its key and ${what} ${end}`, () => {
    assert.equal(after(steps, attempts, "block"), expected);
    assert.equal(after(steps, attempts, "park", NO_ROOM), expected, "also if too many keys are parked");
  });
}

for (
  const [attempts, history, steps, expected] of [
    [3, { attempts: 3, isUnended: true, deaths: 1 }, times(2, "dies"), "crashed after 3"],
    [3, { attempts: 3, isUnended: true, deaths: 1 }, times(1, "dies"), 3],
    [3, { attempts: 3 }, ["vanishes", ...times(3, "dies")], "crashed after 3"],
    [3, { attempts: 3 }, ["vanishes", ...times(2, "dies")], 3],
    [2, { attempts: 5 }, ["vanishes", ...times(2, "dies")], "crashed after 2"],
  ] as [number, Partial<DeliveryHistory>, Step[], string | number][]
) {
  const { attempts: before, deaths = 0 } = history, died = steps.filter((step) => step === "dies").length;
  const end = typeof expected === "number" ? `runs again as attempt ${expected}` : `ends as ${expected}`;
  Deno.test(`[G26] KeyFailures: an event that blocks its key and came by RETRIES with ${before} attempts of ${attempts} and ${deaths} deaths, and dies ${died} times, ${end}`, () => {
    assert.equal(after(steps, attempts, "block", undefined, history), expected);
  });
}

for (const onFailure of ["dead-letter", "park"] as const) {
  for (
    const [what, steps, expected] of [
      ["fails as often as it has attempts", times(3, "fails"), "attempts-exhausted after 3 at fails"],
      ["fails, and dies in its last attempt", ["fails", "fails", "dies"], "crashed after 3"],
      ["dies, and then fails", ["fails", "dies", "fails"], "attempts-exhausted after 3 at fails"],
      ["dies as often as it has attempts", ["vanishes", ...times(3, "dies")], "crashed after 3"],
      ["dies twice of three attempts", ["vanishes", "dies", "defers", "dies"], 3],
    ] as [string, Step[], string | number][]
  ) {
    const end = typeof expected === "number" ? `runs again as attempt ${expected}` : `ends as ${expected}`;
    Deno.test(`[G19] KeyFailures: an event that ends as ${onFailure} and ${what} ${end}`, () => {
      assert.equal(after(steps, 3, onFailure), expected);
    });
  }
}
