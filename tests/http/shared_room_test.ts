import assert from "node:assert/strict";
import fc from "fast-check";
import { SharedRoom } from "../../runtime/http/shared_room.ts";

Deno.test("SharedRoom gives each caller its share, whatever the others take, and holds no more than its size", () => {
  const wish = fc.record({ caller: fc.nat(3), amount: fc.nat(40), releases: fc.boolean() });
  fc.assert(fc.property(fc.integer({ min: 8, max: 200 }), fc.array(wish, { maxLength: 100 }), (size, wishes) => {
    const room = new SharedRoom(size, 4), held = [0, 0, 0, 0];
    let oversized = false;
    const total = () => held.reduce((sum, amount) => sum + amount, 0);
    for (const { caller, amount, releases } of wishes) {
      const name = `caller ${caller}`;
      if (releases) {
        room.take(name, -held[caller]);
        held[caller] = 0;
        continue;
      }
      const isFirst = total() === 0, has = room.hasRoom(name, amount);
      if (held[caller] + amount <= room.share) assert.ok(has, `${name} is refused within its share`);
      if (!has) continue;
      room.take(name, amount);
      held[caller] += amount;
      if (isFirst) oversized = amount > size - 3 * room.share; // it took of the shares of the others
      if (!oversized) assert.ok(total() <= size, `${total()} of ${size} are held`);
    }
  }));
});

Deno.test("SharedRoom is whole for a single caller", () => {
  const room = new SharedRoom(10, 1);
  room.take(undefined, 9);
  assert.deepEqual([room.hasRoom(undefined, 1), room.hasRoom(undefined, 2)], [true, false]);
  room.take(undefined, -9);
  assert.equal(room.hasRoom(undefined, 11), true);
});
