import assert from "node:assert/strict";
import fc from "fast-check";
import { Problem } from "../../runtime/http/problem.ts";
import { RequestLimit } from "../../runtime/http/request_limit.ts";

Deno.test("RequestLimit lets through the limit at once, and never more than twice of it in one time", () => {
  const gaps = fc.array(fc.nat(3_000), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10_000 }), gaps, (limit, perMs, gaps) => {
      const bucket = new RequestLimit("shop", { limit, perMs }), taken: number[] = [];
      let nowMs = 0;
      for (const gap of gaps) {
        nowMs += gap;
        try {
          bucket.take(nowMs);
          taken.push(nowMs);
        } catch (error) {
          assert(error instanceof Problem);
          assert(taken.length >= limit, "refused before the limit was reached");
        }
      }
      for (const from of taken) {
        const within = taken.filter((at) => at >= from && at < from + perMs).length;
        assert(within <= 2 * limit, `${within} of ${limit}`);
      }
    }),
  );
});

Deno.test("RequestLimit tells a refused caller when a request is free again, and is right", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 60_000 }), (limit, perMs) => {
    const bucket = new RequestLimit("shop", { limit, perMs });
    for (let i = 0; i < limit; i++) bucket.take(0);
    assert.throws(() => bucket.take(0), (error) => {
      const { detail, options } = error as Problem, waitS = Number(options.headers!["retry-after"]);
      assert.match(detail, new RegExp(`: try again in ${waitS} s$`));
      bucket.take(waitS * 1_000);
      return waitS <= Math.ceil(perMs / limit / 1_000);
    });
  }));
});

for (
  const [limit, perMs, detail] of [
    [1, 60_000, "at most 1 request in 60 s: try again in 60 s"],
    [100, 1_000, "at most 100 requests in 1 s: try again in 1 s"],
    [600, 60_000, "at most 600 requests in 60 s: try again in 1 s"],
    [5, 3_600_000, "at most 5 requests in 3600 s: try again in 720 s"],
  ] as const
) {
  Deno.test(`RequestLimit says "${detail}"`, () => {
    const bucket = new RequestLimit("shop", { limit, perMs });
    for (let i = 0; i < limit; i++) bucket.take(0);
    assert.throws(() => bucket.take(limit === 1 ? 48 : 0), { detail });
  });
}
