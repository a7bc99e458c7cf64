import assert from "node:assert/strict";
import type { Decoded } from "../../runtime/core/cloudevent.ts";
import { checkDelivery, type DeliveryFacts } from "../../runtime/core/check_delivery.ts";

const EVENT = {
  id: "e1",
  type: "orders.created",
  source: "/shop",
  time: "2026-01-01T00:00:00Z",
  data: undefined,
  subject: "orders.created",
  extensions: {},
};
const VALID: Decoded = { kind: "event", event: EVENT };
const INVALID: Decoded = {
  kind: "invalid",
  event: EVENT,
  error: { name: "InvalidEventError", message: "not JSON" },
};
const CANDIDATE: DeliveryFacts = { decoded: VALID, attempt: 1, attempts: 3, ageMs: 0, maxAgeMs: undefined };

const free: [what: string, candidate: Partial<DeliveryFacts>][] = [
  ["a first attempt", {}],
  ["the last attempt", { attempt: 3 }],
  ["an old event without a maxAge", { ageMs: 1e12 }],
  ["an event as old as maxAge", { ageMs: 60_000, maxAgeMs: 60_000 }],
];
for (const [what, candidate] of free) {
  Deno.test(`checkDelivery lets run: ${what}`, () =>
    assert.equal(checkDelivery({ ...CANDIDATE, ...candidate }), undefined));
}

const CRASHED = {
  name: "CrashedError",
  message: "the process ended while handling this event: the last of 3 attempts was never settled",
};
const EXPIRED = { name: "ExpiredError", message: "the event is 61s old; the function handles none older than 1m" };
const buried: [what: string, candidate: Partial<DeliveryFacts>, deadLetter: ReturnType<typeof checkDelivery>][] = [
  ["bytes that do not decode are invalid at once, untried", { decoded: INVALID }, {
    kind: "dead-letter",
    reason: "invalid",
    attempts: 0,
    error: { name: "InvalidEventError", message: "not JSON" },
  }],
  ["an attempt past the budget means that the process died under the last one", { attempt: 4 }, {
    kind: "dead-letter",
    reason: "crashed",
    attempts: 3,
    error: CRASHED,
  }],
  ["far past the budget it is still that", { attempt: 9 }, {
    kind: "dead-letter",
    reason: "crashed",
    attempts: 8,
    error: CRASHED,
  }],
  ["an event older than may be expires untried", { ageMs: 61_000, maxAgeMs: 60_000 }, {
    kind: "dead-letter",
    reason: "expired",
    attempts: 0,
    error: EXPIRED,
  }],
  ["an event that grew too old between attempts expires", { attempt: 3, ageMs: 61_000, maxAgeMs: 60_000 }, {
    kind: "dead-letter",
    reason: "expired",
    attempts: 2,
    error: EXPIRED,
  }],
];
for (const [what, candidate, deadLetter] of buried) {
  Deno.test(`checkDelivery buries: ${what}`, () =>
    assert.deepEqual(checkDelivery({ ...CANDIDATE, ...candidate }), deadLetter));
}

const orders: [what: string, candidate: Partial<DeliveryFacts>, reason: string][] = [
  ["invalid goes before crashed and expired", {
    decoded: INVALID,
    attempt: 4,
    ageMs: 2,
    maxAgeMs: 1,
  }, "invalid"],
  ["crashed goes before expired", { attempt: 4, ageMs: 2, maxAgeMs: 1 }, "crashed"],
];
for (const [what, candidate, reason] of orders) {
  Deno.test(`checkDelivery prefers: ${what}`, () =>
    assert.equal(checkDelivery({ ...CANDIDATE, ...candidate })?.reason, reason));
}
