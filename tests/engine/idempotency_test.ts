import assert from "node:assert/strict";
import { defineFunction, type WeirEvent } from "weir";
import type { IdempotencyOptions } from "../../runtime/api/define_function.ts";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { claimEvent, idempotencyKey, IdempotencyKeyError } from "../../runtime/engine/idempotency.ts";
import { registryOf } from "../../runtime/testing/modules.ts";
import { delivery } from "../support/deliveries.ts";
import { CAUSE } from "../support/invocation.ts";

function bound(idempotency: boolean | IdempotencyOptions<"orders.>">) {
  const ship = defineFunction({ on: "orders.>", timeout: "30s", idempotency }, () => {});
  return registryOf({ ship }).functions[0];
}

function keyIn(fn: ResolvedFunction, event: WeirEvent, of = delivery({ headers: { "ce-id": event.id } })): string {
  return idempotencyKey(fn, fn.policy.idempotency!, event, of);
}

Deno.test("without a key of its own an event is named by its type, source and id", () => {
  const keyOf = (event: Partial<WeirEvent>) => keyIn(bound(true), { ...CAUSE, ...event });
  assert.equal(keyOf({}), keyOf({ time: "2026-02-02T00:00:00Z", data: 1, subject: "orders.other" }));
  assert.notEqual(keyOf({}), keyOf({ id: "e2" }));
  assert.notEqual(keyOf({}), keyOf({ source: "/market" }));
  assert.notEqual(keyOf({}), keyOf({ type: "orders.paid" }));
  assert.notEqual(keyOf({ source: "a", id: "bc" }), keyOf({ source: "ab", id: "c" }));
});

Deno.test("an event without an id of its own is named by its time as well: its place may be another's one day", () => {
  const fn = bound(true), first = delivery();
  assert.equal(keyIn(fn, CAUSE, first), keyIn(fn, CAUSE, { ...first, deliveryCount: 2, ackSubject: "other" }));
  assert.notEqual(keyIn(fn, CAUSE, first), keyIn(fn, CAUSE, { ...first, storedAtMs: first.storedAtMs + 1 }));
  assert.equal(keyIn(fn, CAUSE, delivery({ headers: { "nats-msg-id": "x" } })), keyIn(fn, CAUSE));
});

Deno.test("a key of the author's names the event alone, and is fit for a subject whatever is in it", () => {
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
    ["is empty", () => "", /^the idempotency key of ship is "": it must be text, and not empty/],
  ] as const
) {
  Deno.test(`a key that ${what} is told as the author's mistake`, () => {
    const wrong = () => keyIn(bound({ key: key as () => string }), CAUSE);
    assert.throws(wrong, (error) => error instanceof IdempotencyKeyError && message.test(error.message));
  });
}

Deno.test("a claim outlasts the handler's timeout", async () => {
  const asked: unknown[] = [];
  const inbox = {
    claim: (...args: unknown[]) => {
      asked.push(args);
      return Promise.resolve({ kind: "done" } as const);
    },
  };
  const fn = bound({ ttl: "1h" });
  assert.deepEqual(
    await claimEvent(inbox, fn, fn.policy.idempotency!, CAUSE, delivery({ headers: { "ce-id": CAUSE.id } })),
    { kind: "done" },
  );
  assert.deepEqual(asked, [["ship", keyIn(bound(true), CAUSE), 45_000, 3_600_000]]);
});
