import assert from "node:assert/strict";
import { paint, shortTime, table } from "../../../runtime/cli/terminal/output.ts";

const HEAD = ["name", "waiting"], ROWS = [["a\nb", 1], ["longer", 22], [{ colSpan: 2, content: "  why" }]];

Deno.test("table writes a line for each row in a pipe, with aligned columns", () => {
  assert.equal(
    table(HEAD, ROWS, { terminal: false, colours: false }),
    ["name    waiting", "a, b    1", "longer  22", "  why"].join("\n"),
  );
});

Deno.test("table writes a rule under the head on a terminal, and none between rows", () => {
  assert.equal(
    table(HEAD, ROWS, { terminal: true, colours: false, columns: 19 }),
    ["name    waiting", "───────────────", "a       1", "b", "longer  22", "  why"].join("\n"),
  );
});

for (const columns of [20, 40, 80, 120]) {
  Deno.test(`table cuts its widest column to fit a terminal of ${columns} columns`, () => {
    const rows = [["short", "long ".repeat(40), 7], [{ colSpan: 3, content: "x".repeat(200) }]];
    const lines = table(["name", "text", "n"], rows, { terminal: true, colours: false, columns }).split("\n");
    assert.deepEqual(lines.filter((line) => line.length > columns), []);
    assert.match(lines[2], /^short {2}(long )+.*… +7$/);
    assert.match(lines[3], /^x+…$/);
  });
}

Deno.test("table does not count colours as width", () => {
  const rows = [["\x1b[31mred\x1b[39m", "a"]];
  const [, , row] = table(["one", "two"], rows, { terminal: true, colours: true, columns: 8 }).split("\n");
  assert.equal(row, "\x1b[31mred\x1b[39m  a");
});

Deno.test("shortTime shows the time of day for today and else the date, and the whole time in a pipe", () => {
  const now = new Date(2026, 10, 21, 10, 0, 0), terminal = { terminal: true, colours: false };
  const shown = (...time: [number, number, number, number, number, number]) =>
    shortTime(new Date(...time).toISOString(), now.getTime(), terminal);
  assert.equal(shown(2026, 10, 21, 9, 5, 7), "09:05:07");
  assert.equal(shown(2026, 10, 20, 23, 59, 59), "2026-11-20");
  const iso = "2026-11-21T09:05:07.123Z";
  assert.equal(shortTime(iso, now.getTime(), { terminal: false, colours: false }), iso);
});

Deno.test("paint colours only a target with colours", () => {
  assert.equal(paint("red", "no", { terminal: true, colours: false }), "no");
  assert.equal(paint("red", "no", { terminal: true, colours: true }), "\x1b[31mno\x1b[39m");
});
