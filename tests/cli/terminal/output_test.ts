import assert from "node:assert/strict";
import { paint, shortTime, table } from "../../../runtime/cli/terminal/output.ts";

const HEAD = ["name", "waiting"], ROWS = [["a\nb", 1], ["longer", 22], [{ colSpan: 2, content: "  why" }]];

Deno.test("in a pipe a row of a table is a line, and columns stand under one another", () => {
  assert.equal(
    table(HEAD, ROWS, { terminal: false, colours: false }),
    ["name    waiting", "a, b    1", "longer  22", "  why"].join("\n"),
  );
});

Deno.test("on a terminal there is a rule under the head, and none between rows", () => {
  assert.equal(
    table(HEAD, ROWS, { terminal: true, colours: false, columns: 19 }),
    ["name    waiting", "───────────────", "a       1", "b", "longer  22", "  why"].join("\n"),
  );
});

for (const columns of [20, 40, 80, 120]) {
  Deno.test(`a table is no wider than a terminal of ${columns} columns: the widest of its columns is cut`, () => {
    const rows = [["short", "long ".repeat(40), 7], [{ colSpan: 3, content: "x".repeat(200) }]];
    const lines = table(["name", "text", "n"], rows, { terminal: true, colours: false, columns }).split("\n");
    assert.deepEqual(lines.filter((line) => line.length > columns), []);
    assert.match(lines[2], /^short {2}(long )+.*… +7$/);
    assert.match(lines[3], /^x+…$/);
  });
}

Deno.test("what fits is not cut, and a colour takes no room", () => {
  const rows = [["\x1b[31mred\x1b[39m", "a"]];
  const [, , row] = table(["one", "two"], rows, { terminal: true, colours: true, columns: 8 }).split("\n");
  assert.equal(row, "\x1b[31mred\x1b[39m  a");
});

Deno.test("a time of today is told by the clock, an older one by its date, and in a pipe as it is", () => {
  const now = new Date(2026, 10, 21, 10, 0, 0), terminal = { terminal: true, colours: false };
  const told = (...time: [number, number, number, number, number, number]) =>
    shortTime(new Date(...time).toISOString(), now.getTime(), terminal);
  assert.equal(told(2026, 10, 21, 9, 5, 7), "09:05:07");
  assert.equal(told(2026, 10, 20, 23, 59, 59), "2026-11-20");
  const iso = "2026-11-21T09:05:07.123Z";
  assert.equal(shortTime(iso, now.getTime(), { terminal: false, colours: false }), iso);
});

Deno.test("colours are only where there are any", () => {
  assert.equal(paint("red", "no", { terminal: true, colours: false }), "no");
  assert.equal(paint("red", "no", { terminal: true, colours: true }), "\x1b[31mno\x1b[39m");
});
