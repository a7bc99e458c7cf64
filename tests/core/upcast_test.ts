import assert from "node:assert/strict";
import { decode } from "../../runtime/core/cloudevent.ts";
import { dataSchemaOf } from "../../runtime/core/schema_version.ts";
import { upcast, upcastsProblem } from "../../runtime/core/upcast.ts";
import { delivery } from "../support/deliveries.ts";

const chain = { 2: (n: number) => n + 20, 3: (n: number) => n * 3 };

for (
  const [from, expected] of [
    [undefined, 1], // a publisher that names no version
    [1, 1], // no upcast takes it
    [2, 63],
    [3, 3],
    [4, 1], // the current version
    [9, 1], // a later one
  ] as const
) {
  Deno.test(`upcast of version ${from ?? "none"} to version 4 returns ${expected}`, () => {
    assert.equal(upcast(1, from, chain, 4), expected);
  });
}

Deno.test("upcast names the version whose function throws, or returns a promise", () => {
  const broken = { 1: () => 1, 2: (data: { a: { b: number } }) => data.a.b };
  assert.throws(() => upcast({}, 1, broken, 3), /^Error: the upcast from version 2 failed: Cannot read properties/);
  const late = { 1: () => Promise.reject(new Error("late")) };
  assert.throws(() => upcast({}, 1, late, 2), /the upcast from version 1 returned a promise: it must be synchronous/);
});

for (
  const [upcasts, version, problem] of [
    [{ 1: () => 1 }, 2, undefined],
    [{ 2: () => 1, 3: () => 1 }, 4, undefined],
    [{}, 2, undefined],
    [{ 1: () => 1 }, 3, /version 2 is missing: .* 1 leads to 3/],
    [{ 2: () => 1 }, 2, /version 2 is not before version 2/],
    [{ 0: () => 1 }, 2, /"0" is no version with its function/],
    [{ 1: 5 }, 2, /"1" is no version with its function/],
    [[() => 1], 2, /it is written as `upcasts: \{ 1: \(data\) => … \}`/],
    ["x", 2, /it is written as/],
  ] as const
) {
  Deno.test(`upcastsProblem of ${JSON.stringify(upcasts)} for version ${version} is ${problem ?? "none"}`, () => {
    const found = upcastsProblem(upcasts, version);
    if (problem) assert.match(found!, problem);
    else assert.equal(found, undefined);
  });
}

Deno.test("decode upcasts data of an earlier version before the schema checks it, and no other", () => {
  const seen: unknown[] = [];
  const bound = {
    type: "a.b",
    version: 2,
    upcasts: { 1: (data: { n: number }) => ({ n: String(data.n) }) },
    parse: (value: unknown) => {
      seen.push(value);
      return { ok: true, value } as const;
    },
  };
  const decodeOf = (version: number) =>
    decode(delivery({ payload: '{"n":1}', headers: { "ce-dataschema": dataSchemaOf("a.b", version) } }), bound);
  const decoded = decodeOf(1);
  assert.deepEqual(decoded.event.data, { n: "1" });
  assert.equal(decoded.event.extensions.dataschema, dataSchemaOf("a.b", 1));
  decodeOf(2);
  assert.deepEqual(seen, [{ n: "1" }, { n: 1 }]);
});

Deno.test("decode takes an event whose upcast throws for invalid, and says so", () => {
  const upcasts = { 1: (data: { a: { b: number } }) => data.a.b };
  const bound = { type: "a.b", version: 2, upcasts, parse: (value: unknown) => ({ ok: true, value }) as const };
  const decoded = decode(delivery({ payload: "{}", headers: { "ce-dataschema": dataSchemaOf("a.b", 1) } }), bound);
  assert.ok(decoded.kind === "invalid");
  assert.match(decoded.error.message, /^the upcast from version 1 failed: /);
});
