import assert from "node:assert/strict";
import fc from "fast-check";
import { covers, isWildcard, overlaps, subjectProblem, unite } from "../../runtime/core/subjects.ts";

for (const pattern of ["a", "orders.created", "orders.*", "*.created", "orders.>", ">", "*", "a-b_c.1", "$KV.x"]) {
  Deno.test(`subjectProblem accepts ${pattern}`, () => assert.equal(subjectProblem(pattern), undefined));
}

const EMPTY = "it has an empty token";
const BLANK = "it has white space or a control character";
const PARTIAL = "a wildcard must be a whole token";
const INNER = "`>` is only allowed as the last token";
const wrong: [pattern: string, problem: string][] = [
  ["", EMPTY],
  [".", EMPTY],
  ["a..b", EMPTY],
  [".a", EMPTY],
  ["a.", EMPTY],
  ["a b", BLANK],
  ["a.\t", BLANK],
  ["a\r\nb", BLANK],
  ["a\u0000", BLANK],
  ["a\u007f", BLANK],
  ["orders.cre*", PARTIAL],
  ["**", PARTIAL],
  ["a.b>", PARTIAL],
  [">.a", INNER],
  ["a.>.b", INNER],
  [">.>", INNER],
];
for (const [pattern, problem] of wrong) {
  Deno.test(`subjectProblem of ${JSON.stringify(pattern)}: ${problem}`, () =>
    assert.equal(subjectProblem(pattern), problem));
}

const wildcards: [pattern: string, wildcard: boolean][] = [
  ["orders.created", false],
  ["orders.*", true],
  ["*.created", true],
  ["orders.>", true],
  ["orders.a*", false],
];
for (const [pattern, wildcard] of wildcards) {
  Deno.test(`isWildcard(${pattern}) is ${wildcard}`, () => assert.equal(isWildcard(pattern), wildcard));
}

const pairs: [a: string, b: string, overlap: boolean, aCoversB: boolean, bCoversA: boolean][] = [
  ["a.b", "a.b", true, true, true],
  ["a.b", "a.c", false, false, false],
  ["a", "a.b", false, false, false],
  ["A.b", "a.b", false, false, false],
  ["a.*", "a.b", true, true, false],
  ["a.*", "a", false, false, false],
  ["a.*", "a.b.c", false, false, false],
  ["a.>", "a", false, false, false],
  ["a.>", "a.b", true, true, false],
  ["a.>", "a.b.c", true, true, false],
  ["a.>", "a.*", true, true, false],
  ["a.>", "a.>", true, true, true],
  [">", "a", true, true, false],
  [">", "*", true, true, false],
  [">", "*.>", true, true, false],
  ["*", "*.>", false, false, false],
  ["a.*", "*.b", true, false, false],
  ["a.*.c", "a.b.*", true, false, false],
  ["*.b", "a.>", true, false, false],
  ["a.b.>", "a.*.c", true, false, false],
];
for (const [a, b, overlap, aCoversB, bCoversA] of pairs) {
  Deno.test(`overlaps(${a}, ${b}) is ${overlap}`, () => {
    assert.equal(overlaps(a, b), overlap);
  });
  const covering = [aCoversB && `${a} covers ${b}`, bCoversA && `${b} covers ${a}`].filter((text) => text !== false);
  Deno.test(`covers: ${covering.join(" and ") || `neither of ${a} and ${b} covers the other`}`, () => {
    assert.equal(covers(a, b), aCoversB);
    assert.equal(covers(b, a), bCoversA);
  });
}

const token = fc.constantFrom("a", "b", "*");
const patterns = fc.tuple(fc.array(token, { maxLength: 3 }), fc.boolean())
  .map(([tokens, rest]) => [...tokens, ...(rest || tokens.length === 0 ? [">"] : [])].join("."));

/** Every subject of one to five tokens, each `a`, `b` or `c`: enough to distinguish any two of the patterns. */
const SUBJECTS = [1, 2, 3, 4].reduce<string[][]>(
  (lengths) => [...lengths, lengths.at(-1)!.flatMap((head) => ["a", "b", "c"].map((tail) => `${head}.${tail}`))],
  [["a", "b", "c"]],
).flat();

function matching(pattern: string): Set<string> {
  const source = pattern.replaceAll(".", "\\.").replaceAll("*", "[^.]+").replace(">", ".+");
  const matcher = new RegExp(`^${source}$`);
  return new Set(SUBJECTS.filter((subject) => matcher.test(subject)));
}

Deno.test("overlaps is true exactly if some subject matches both", () => {
  fc.assert(fc.property(patterns, patterns, (a, b) => {
    assert.equal(overlaps(a, b), matching(a).intersection(matching(b)).size > 0);
  }));
});

Deno.test("covers is true exactly if every subject of the inner pattern matches the outer one", () => {
  fc.assert(fc.property(patterns, patterns, (a, b) => {
    assert.equal(covers(a, b), matching(b).isSubsetOf(matching(a)));
  }));
});

Deno.test("overlaps is symmetric, and true for a pattern that covers the other", () => {
  fc.assert(fc.property(patterns, patterns, (a, b) => {
    assert.equal(overlaps(a, b), overlaps(b, a));
    assert.ok(!covers(a, b) || overlaps(a, b));
  }));
});

/** Lists of patterns of which none covers another, as JetStream requires. */
const lists = fc.array(patterns, { maxLength: 4 }).map((list) => list.filter((one, i) => !coveredIn(list, one, i)));

function coveredIn(list: readonly string[], one: string, at: number): boolean {
  return list.some((other, i) => i !== at && covers(other, one) && (!covers(one, other) || i < at));
}

function matchingAny(list: readonly string[]): Set<string> {
  return list.reduce((all, pattern) => all.union(matching(pattern)), new Set<string>());
}

Deno.test("unite matches exactly what either list matches, and no pattern covers another", () => {
  fc.assert(fc.property(lists, lists, (a, b) => {
    const united = unite(a, b);
    assert.deepEqual(matchingAny(united), matchingAny(a).union(matchingAny(b)));
    assert.ok(!united.some((one, i) => coveredIn(united, one, i)));
  }));
});

Deno.test("unite leaves a list that matches everything of the other as it is", () => {
  fc.assert(fc.property(lists, lists, (a, b) => {
    const united = unite(a, b);
    assert.deepEqual(unite(united, a), united);
    assert.deepEqual(unite(united, b), united);
  }));
});
