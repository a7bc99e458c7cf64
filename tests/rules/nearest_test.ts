import assert from "node:assert/strict";
import { editDistance, nearest } from "../../runtime/rules/nearest.ts";

const TYPES = ["orders.created", "orders.confirmed", "stock.reserved"];

for (
  const [typed, meant] of [
    ["orders.creatd", "orders.created"],
    ["order.created", "orders.created"],
    ["orders.craeted", "orders.created"],
    ["Orders.Confirmed", "orders.confirmed"],
    ["stock.reservation", "stock.reserved"],
    ["users.deleted", undefined],
    ["x", undefined],
    ["", undefined],
  ] as const
) {
  Deno.test(`"${typed}" was probably meant to be ${meant ?? "none of them"}`, () => {
    assert.equal(nearest(typed, TYPES), meant);
  });
}

for (
  const [a, b, distance] of [
    ["", "", 0],
    ["abc", "abc", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["abc", "axc", 1],
    ["abc", "acb", 1],
    ["kitten", "sitting", 3],
  ] as const
) {
  Deno.test(`"${a}" is ${distance} away from "${b}"`, () => {
    assert.equal(editDistance(a, b), distance);
    assert.equal(editDistance(b, a), distance);
  });
}
