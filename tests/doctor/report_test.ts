import assert from "node:assert/strict";
import { report } from "../../runtime/cli/doctor.ts";
import type { Examination, Finding } from "../../runtime/doctor/examine.ts";
import { RULES } from "../../runtime/doctor/rules/all.ts";
import { examined } from "./facts.ts";

const PLAIN = { terminal: false, colours: false }, COLOURED = { terminal: true, colours: true };

Deno.test("report prints the reason and the fix of each finding, and a line for each rule that holds", () => {
  const text = report(examined({ clock: { value: { aheadMs: 9_000, errorMs: 1 } } }), PLAIN);
  assert.match(
    text,
    /^ {2}error {4}the server's clock is 9s ahead of this host's\n {4}why: Logs, spans .*\n {4}fix: set both/m,
  );
  assert.match(text, /^ {2}ok {7}the NATS user has every permission that Weir needs$/m);
  assert.match(
    text,
    new RegExp(`\n\n1 error, 0 warnings, 0 info; ${RULES.length - 1} checks passed$`),
  );
});

Deno.test("report groups the rules that could not be checked for one reason", () => {
  const unknown = { unknown: "no answer" };
  const text = report(examined({ streams: unknown, consumers: unknown }), PLAIN);
  const [, streams] = /\nstreams\n(.*?)\n\n/s.exec(text)!;
  assert.equal(streams.match(/not checked: no answer/g)?.length, 1);
  assert.match(streams, /checks: duplicate-window, discard-old, /);
  assert.match(text, /\d+ checks passed, \d+ could not run$/);
});

Deno.test("report prints errors in red and rules that hold dim on a terminal", () => {
  const finding: Finding = { check: "x", area: "server", severity: "error", what: "w", why: "y", fix: "f" };
  const examination: Examination = { findings: [finding], passed: [RULES[0]] };
  const text = report(examination, COLOURED);
  assert.ok(text.includes("\x1b[31merror   \x1b[39m"), text);
  assert.ok(text.includes(`\x1b[2m  ok       ${RULES[0].holds}`), text);
});
