import assert from "node:assert/strict";
import { paint, shortTime } from "../../../runtime/cli/terminal/output.ts";

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
