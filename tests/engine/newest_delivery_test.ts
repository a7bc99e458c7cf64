import assert from "node:assert/strict";
import fc from "fast-check";
import { NewestDelivery } from "../../runtime/engine/newest_delivery.ts";
import { delivery } from "../support/deliveries.ts";

Deno.test("NewestDelivery.isNewer is true only of what was stored after all that its stream delivered", () => {
  const newest = new NewestDelivery();
  const isNewer = (stream: string, storedAtMs: number, sequence: number) =>
    newest.isNewer({ ...delivery(), stream, storedAtMs, sequence });
  assert.deepEqual([isNewer("A", 100, 5), isNewer("A", 100, 6), isNewer("A", 200, 7)], [true, true, true]);
  assert.deepEqual([isNewer("A", 200, 7), isNewer("A", 100, 5)], [false, false]); // delivered again
  assert.equal(isNewer("B", 50, 1), true); // another stream
  assert.equal(isNewer("A", 300, 1), true); // its stream was created again
  assert.equal(isNewer("A", 300, 1), false);
});

Deno.test("NewestDelivery.isNewer is never true of a message that was delivered before, in any order", () => {
  const message = fc.record({ storedAtMs: fc.nat(5), sequence: fc.nat(5), stream: fc.constantFrom("A", "B") });
  fc.assert(fc.property(fc.array(message, { maxLength: 60 }), (all) => {
    const newest = new NewestDelivery(), before = new Set<string>();
    for (const one of all) {
      const key = JSON.stringify(one);
      if (before.has(key)) assert.equal(newest.isNewer({ ...delivery(), ...one }), false);
      else newest.isNewer({ ...delivery(), ...one });
      before.add(key);
    }
  }));
});
