import assert from "node:assert/strict";
import { defineFunction, type WeirEvent } from "weir";
import type { IdempotencyOptions } from "../../runtime/api/idempotency_options.ts";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { Attempt } from "../../runtime/engine/attempt.ts";
import { claimEvent, idempotencyKey, IdempotencyKeyError } from "../../runtime/engine/idempotency.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { delivery } from "../support/deliveries.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { CAUSE, LEASE } from "../support/invocation.ts";
import { strangeValues } from "../support/strange_values.ts";

const REVOKED = strangeValues()["a revoked proxy"];

function bound(idempotency: boolean | IdempotencyOptions<"orders.>">) {
  const ship = defineFunction({ on: "orders.>", timeout: "30s", idempotency }, () => {});
  return registryOf({ ship }).functions[0];
}

function keyIn(fn: ResolvedFunction, event: WeirEvent, originKey?: string): string {
  return idempotencyKey(fn, fn.policy.idempotency!, event, originKey);
}

Deno.test("idempotencyKey consists of type, source and id", () => {
  const keyOf = (event: Partial<WeirEvent>) => keyIn(bound(true), { ...CAUSE, ...event });
  assert.equal(keyOf({}), keyOf({ time: "2026-02-02T00:00:00Z", data: 1, subject: "orders.other" }));
  assert.notEqual(keyOf({}), keyOf({ id: "e2" }));
  assert.notEqual(keyOf({}), keyOf({ source: "/market" }));
  assert.notEqual(keyOf({}), keyOf({ type: "orders.paid" }));
  assert.notEqual(keyOf({ source: "a", id: "bc" }), keyOf({ source: "ab", id: "c" }));
});

Deno.test("idempotencyKey of an event without an id contains the message: a recreated stream reuses positions", () => {
  for (const fn of [bound(true), bound({ key: ({ id }) => id })]) {
    assert.equal(keyIn(fn, CAUSE, "ORDERS.1.7"), keyIn(fn, CAUSE, "ORDERS.1.7"));
    assert.notEqual(keyIn(fn, CAUSE, "ORDERS.1.7"), keyIn(fn, CAUSE, "ORDERS.1.8"));
    assert.notEqual(keyIn(fn, CAUSE, "ORDERS.1.7"), keyIn(fn, CAUSE));
  }
  const byData = bound({ key: () => "o1" });
  assert.equal(keyIn(byData, CAUSE, "ORDERS.1.7"), keyIn(byData, CAUSE, "ORDERS.1.8"));
});

Deno.test("idempotencyKey uses the author's key alone, and is fit for a subject", () => {
  const fn = bound({ key: ({ data }) => (data as { orderId: string }).orderId });
  const keyOf = (orderId: string) => keyIn(fn, { ...CAUSE, id: crypto.randomUUID(), data: { orderId } });
  assert.equal(keyOf("o 1.*.>"), keyOf("o 1.*.>"));
  assert.notEqual(keyOf("o1"), keyOf("o2"));
  assert.match(keyOf("o 1.*.>"), /^[0-9a-f]{32}$/);
});

for (
  const [what, key, message] of [
    ["throws", () => (undefined as unknown as string).length, /^the idempotency key of ship threw: /],
    ["is no text", () => 7, /^the idempotency key of ship is 7: it must be text/],
    ["is no JSON", () => 7n, /^the idempotency key of ship is 7n: it must be text/],
    ["is a promise", () => Promise.resolve("o1"), /^the idempotency key of ship is Promise \{/],
    ["cannot be read", () => REVOKED, /^the idempotency key of ship is .+: it must be text/],
    ["is empty", () => "", /^the idempotency key of ship is "": it must be text, and not empty/],
  ] as const
) {
  Deno.test(`idempotencyKey throws for an author's key that ${what}`, () => {
    const wrong = () => keyIn(bound({ key: key as unknown as () => string }), CAUSE);
    assert.throws(wrong, (error) => error instanceof IdempotencyKeyError && message.test(error.message));
  });
}

Deno.test("claimEvent claims for longer than the handler's timeout", async () => {
  const asked: unknown[] = [];
  const store = {
    claim: (...args: unknown[]) => {
      asked.push(args);
      return Promise.resolve({ kind: "done" } as const);
    },
  };
  const attempt = new Attempt(
    bound({ ttl: "1h" }),
    new TestClock(),
    delivery({ headers: { "ce-id": CAUSE.id } }),
    LEASE,
  );
  attempt.decoded = { kind: "event", event: CAUSE };
  assert.deepEqual(await claimEvent(store, attempt), { kind: "ack", skipped: "handled-before" });
  assert.deepEqual(asked, [["ship", keyIn(bound(true), CAUSE), 45_000, 3_600_000]]);
});
