import assert from "node:assert/strict";
import type { Decoded } from "../../runtime/core/cloudevent.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { checkDelivery, type DeliveryFacts } from "../../runtime/core/check_delivery.ts";
import { NO_HEADERS } from "../support/deliveries.ts";

const EVENT = {
  id: "e1",
  type: "orders.created",
  source: "/shop",
  time: "2026-01-01T00:00:00Z",
  data: undefined,
  subject: "orders.created",
  extensions: {},
  headers: NO_HEADERS,
};
const VALID: Decoded = { kind: "event", event: EVENT, hops: 1 };
const INVALID: Decoded & { kind: "invalid" } = {
  kind: "invalid",
  event: EVENT,
  error: { name: "InvalidEventError", message: "not JSON" },
};
const FACTS: DeliveryFacts = {
  decoded: VALID,
  subject: "orders.created",
  isListenedTo: true,
  isCounted: true,
  stateError: undefined,
  ending: undefined,
  lastError: undefined,
  isUnended: false,
  isDelayed: false,
  number: 1,
  excusedDeliveries: 0,
  otherReleaseDeliveries: 0,
  retry: { attempts: 3, initialMs: 100, maxMs: 1_000, factor: 2, jitter: "none" },
  maxHops: 50,
  ageMs: 0,
  maxAgeMs: undefined,
  nowMs: 0,
  serverNowMs: 0,
  random: 0.5,
};

const free: [what: string, facts: Partial<DeliveryFacts>][] = [
  ["a first attempt", {}],
  ["the last attempt", { number: 3 }],
  ["the end of a chain as long as maxHops", { decoded: { ...VALID, hops: 50 } }],
  ["the end of a longer chain, where maxHops allows it", { decoded: { ...VALID, hops: 51 }, maxHops: 51 }],
  ["an old event without a maxAge", { ageMs: 1e12 }],
  ["an event as old as maxAge", { ageMs: 60_000, maxAgeMs: 60_000 }],
];
for (const [what, facts] of free) {
  Deno.test(`checkDelivery lets run: ${what}`, () => assert.equal(checkDelivery({ ...FACTS, ...facts }), undefined));
}

const CRASHED = {
  name: "CrashedError",
  message: "the process ended while handling this event: the last of 3 attempts was never settled",
};
const NO_STOCK = { name: "Error", message: "no stock" };
const EXPIRED = {
  name: "ExpiredError",
  message: "the event is 61 seconds old; the function handles none older than 1m",
};
Deno.test("checkDelivery defers what its schema refuses and is newer, and ends it as invalid after half an hour", () => {
  const decoded: Decoded = { ...INVALID, isNewer: true };
  const { delayMs, ...deferred } = checkDelivery({ ...FACTS, decoded }) as Outcome & { kind: "retry" };
  assert.deepEqual(deferred, { kind: "retry", reason: "newer-version", usesAttempt: false, error: INVALID.error });
  assert.ok(delayMs >= 1_000);
  const deferredForOthers = checkDelivery({ ...FACTS, decoded, excusedDeliveries: 80 });
  assert.equal(deferredForOthers?.kind, "retry", "deliveries that an open breaker refused do not count");
  assert.deepEqual(checkDelivery({ ...FACTS, decoded, otherReleaseDeliveries: 80 }), {
    kind: "dead-letter",
    reason: "invalid",
    attempts: 0,
    error: INVALID.error,
  });
});

const buried: [what: string, facts: Partial<DeliveryFacts>, deadLetter: ReturnType<typeof checkDelivery>][] = [
  ["bytes that do not decode are invalid at once, untried", { decoded: INVALID }, {
    kind: "dead-letter",
    reason: "invalid",
    attempts: 0,
    error: { name: "InvalidEventError", message: "not JSON" },
  }],
  ["an operator cancelled it", { isCancelled: true, number: 2 }, {
    kind: "dead-letter",
    reason: "cancelled",
    attempts: 1,
    error: { name: "CancelledError", message: "an operator cancelled it" },
  }],
  ["an operator cancelled it, and no trigger covers it", { isCancelled: true, isListenedTo: false }, {
    kind: "dead-letter",
    reason: "cancelled",
    attempts: 0,
    error: { name: "CancelledError", message: "an operator cancelled it" },
  }],
  ["an operator cancelled it, and its retry waits", { isCancelled: true, isDelayed: true }, {
    kind: "ack",
    skipped: "delayed",
  }],
  ["the process died under the last attempt", { number: 4, isUnended: true }, {
    kind: "dead-letter",
    reason: "crashed",
    attempts: 3,
    error: CRASHED,
  }],
  ["the process died under the last attempt, and the one before had failed", {
    number: 4,
    isUnended: true,
    lastError: NO_STOCK,
  }, {
    kind: "dead-letter",
    reason: "crashed",
    attempts: 3,
    error: { ...CRASHED, message: `${CRASHED.message}; the one before: Error: no stock` },
  }],
  ["the process died, and fewer attempts are allowed since", { number: 9, isUnended: true }, {
    kind: "dead-letter",
    reason: "crashed",
    attempts: 8,
    error: { ...CRASHED, message: CRASHED.message.replace("3 attempts", "8 attempts") },
  }],
  ["fewer attempts are allowed than were made: the last error is the reason", { number: 4, lastError: NO_STOCK }, {
    kind: "dead-letter",
    reason: "attempts-exhausted",
    attempts: 3,
    error: NO_STOCK,
  }],
  ["fewer attempts are allowed, and an earlier release stored no error", { number: 5 }, {
    kind: "dead-letter",
    reason: "attempts-exhausted",
    attempts: 4,
    error: {
      name: "AttemptsExhaustedError",
      message: "4 attempts were made, and the function now allows 3; their errors are not known",
    },
  }],
  ["a chain longer than may be has looped", { decoded: { ...VALID, hops: 51 } }, {
    kind: "dead-letter",
    reason: "looped",
    attempts: 0,
    error: {
      name: "LoopError",
      message:
        "it ends a chain of 51 emitted events, and the function continues none of more than 50: do functions emit " +
        "each other's triggers? For a chain that is meant, raise `maxHops`",
    },
  }],
  ["an event older than may be expires untried", { ageMs: 61_000, maxAgeMs: 60_000 }, {
    kind: "dead-letter",
    reason: "expired",
    attempts: 0,
    error: EXPIRED,
  }],
  ["an event that grew too old between attempts says why the last one failed", {
    number: 3,
    ageMs: 61_000,
    maxAgeMs: 60_000,
    lastError: NO_STOCK,
  }, {
    kind: "dead-letter",
    reason: "expired",
    attempts: 2,
    error: { ...EXPIRED, message: `${EXPIRED.message}; its last attempt failed: Error: no stock` },
  }],
  ["an event that grew too old between attempts expires", { number: 3, ageMs: 61_000, maxAgeMs: 60_000 }, {
    kind: "dead-letter",
    reason: "expired",
    attempts: 2,
    error: EXPIRED,
  }],
];
for (const [what, facts, deadLetter] of buried) {
  Deno.test(`checkDelivery dead-letters: ${what}`, () =>
    assert.deepEqual(checkDelivery({ ...FACTS, ...facts }), deadLetter));
}

const UNCOUNTED = { isCounted: false, stateError: new Error("no answer") };
const ENDING = {
  kind: "dead-letter",
  reason: "rejected",
  attempts: 2,
  error: { name: "Error", message: "no" },
} as const;
const brief = (outcome: Outcome | undefined) =>
  outcome && ("reason" in outcome ? outcome.reason : outcome.kind === "ack" ? outcome.skipped : outcome.kind);

// Each row takes precedence over those that follow.
const order: [what: string, facts: Partial<DeliveryFacts>, expected: string][] = [
  ["attempt counts that cannot be read", UNCOUNTED, "state-unavailable"],
  ["an end that was decided earlier", { ending: ENDING }, "rejected"],
  ["a delayed retry elsewhere", { isDelayed: true }, "delayed"],
  ["a subject that the function does not listen to", { isListenedTo: false }, "unknown-subject"],
  ["an event that does not decode", { decoded: INVALID }, "invalid"],
  ["a chain that is too long", { maxHops: 0 }, "looped"],
  ["an attempt beyond the allowed number", { number: 4, isUnended: true }, "crashed"],
  ["an event that is too old", { ageMs: 2, maxAgeMs: 1 }, "expired"],
];
for (const [i, [what, , expected]] of order.entries()) {
  Deno.test(`checkDelivery: ${what} is \`${expected}\`, before all that follows`, () => {
    const facts = Object.assign({}, FACTS, ...order.slice(i).map(([, facts]) => facts));
    assert.equal(brief(checkDelivery(facts)), expected);
  });
}

Deno.test("checkDelivery uses no attempt for a delivery that only waits", () => {
  for (const facts of [UNCOUNTED, { isListenedTo: false }]) {
    const outcome = checkDelivery({ ...FACTS, ...facts });
    assert.ok(outcome?.kind === "retry" && !outcome.usesAttempt);
  }
});
