import assert from "node:assert/strict";
import fc from "fast-check";
import { Slots, type Slotted } from "../../runtime/engine/slots.ts";

Deno.test("Slots holds what a Set would hold, and each item knows whether it is in", () => {
  const items = Array.from({ length: 8 }, (): Slotted => ({ slot: -1 }));
  const steps = fc.array(fc.record({ item: fc.constantFrom(...items), add: fc.boolean() }), { maxLength: 100 });
  fc.assert(fc.property(steps, (all) => {
    for (const item of items) item.slot = -1;
    const slots = new Slots<Slotted>(), expected = new Set<Slotted>();
    for (const { item, add } of all) {
      if (!add) assert.equal(slots.delete(item), expected.delete(item));
      else {
        slots.add(item);
        expected.add(item);
      }
      assert.deepEqual(new Set(slots), expected);
      assert.equal(slots.size, expected.size);
      for (const item of items) assert.equal(slots.find((other) => other === item) === item, item.slot >= 0);
    }
  }));
});
