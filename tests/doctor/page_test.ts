import assert from "node:assert/strict";
import { AREAS, type Examination, type Finding } from "../../runtime/doctor/rule.ts";
import { report } from "../../runtime/cli/doctor/report.ts";
import { RULES } from "../../runtime/doctor/rules/all.ts";
import { examined } from "./facts.ts";

Deno.test("deploy/DOCTOR.md lists every check as it is, by its area", async () => {
  const page = await Deno.readTextFile(new URL("../../deploy/DOCTOR.md", import.meta.url));
  const listed = page.split(/^## /m).slice(1).map((section) => ({
    area: section.split("\n", 1)[0].toLowerCase(),
    rows: [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row]) => row.split(" | ").map((cell) => cell.trim())),
  }));
  const wanted = AREAS.map((area) => ({
    area,
    rows: RULES.filter((rule) => rule.area === area).map(({ id, holds, why, fix }) => [`\`${id}\``, holds, why, fix]),
  }));
  assert.deepEqual(listed, wanted);
});

Deno.test("every check has a name of its own", () => {
  const names = RULES.map(({ id }) => id);
  assert.equal(new Set(names).size, names.length);
});

const PLAIN = { terminal: false, colours: false }, COLOURED = { terminal: true, colours: true };

Deno.test("the report says of each finding why and what to do, and in a line what is well", () => {
  const text = report(examined({ clock: { value: { aheadMs: 9_000, withinMs: 1 } } }), PLAIN);
  assert.match(
    text,
    /^ {2}error {4}the server's clock is 9s ahead of this host's\n {4}why: by it .*\n {4}fix: set the/m,
  );
  assert.match(text, /^ {2}ok {7}the NATS user may do all that Weir does$/m);
  assert.match(
    text,
    new RegExp(`\n\n1 error, 0 warnings, 0 info; ${RULES.length - 1} checks passed$`),
  );
});

Deno.test("checks that could not be made for one reason are told together", () => {
  const gone = { unknown: "no answer" };
  const text = report(examined({ streams: gone, consumers: gone }), PLAIN);
  const [, streams] = /\nstreams\n(.*?)\n\n/s.exec(text)!;
  assert.equal(streams.match(/not checked: no answer/g)?.length, 1);
  assert.match(streams, /checks: duplicate-window, discard-old, /);
  assert.match(text, /\d+ checks passed, \d+ could not run$/);
});

Deno.test("on a terminal errors are red, and what is well is dim", () => {
  const finding: Finding = { check: "x", area: "server", severity: "error", what: "w", why: "y", fix: "f" };
  const examination: Examination = { findings: [finding], passed: [RULES[0]] };
  const text = report(examination, COLOURED);
  assert.ok(text.includes("\x1b[31merror   \x1b[39m"), text);
  assert.ok(text.includes("\x1b[2m  ok       the environment"), text);
});
