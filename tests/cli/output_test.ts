import assert from "node:assert/strict";
import { paint, table } from "../../runtime/cli/output.ts";

const HEAD = ["name", "waiting"], ROWS = [["a\nb", 1], ["longer", 22], [{ colSpan: 2, content: "  why" }]];

Deno.test("in a pipe a row of a table is a line, and columns stand under one another", () => {
  assert.equal(
    table(HEAD, ROWS, { terminal: false, colours: false }),
    ["name    waiting", "a, b    1", "longer  22", "  why"].join("\n"),
  );
});

Deno.test("on a terminal a table has a frame", () => {
  const [first, head] = table(HEAD, ROWS, { terminal: true, colours: false }).split("\n");
  assert.match(first, /^┌─+┬─+┐$/);
  assert.match(head, /^│ name +│ waiting +│$/);
});

Deno.test("colours are only where there are any", () => {
  assert.equal(paint("red", "no", { terminal: true, colours: false }), "no");
  assert.equal(paint("red", "no", { terminal: true, colours: true }), "\x1b[31mno\x1b[39m");
});
