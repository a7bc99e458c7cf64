import assert from "node:assert/strict";
import { countBySeverity, type Finding } from "../../runtime/doctor/examine.ts";
import { RULES } from "../../runtime/doctor/rules/all.ts";
import { examined, line } from "./facts.ts";

Deno.test("examine reports a rule whose facts are unknown, and applies the others", () => {
  const { findings, passed } = examined({ clock: { unknown: "no answer" } });
  assert.deepEqual(findings.map(line), ["clock warning: not checked: no answer"]);
  assert.equal(findings[0].unchecked, true);
  assert.equal(passed.length, RULES.length - 1);
});

Deno.test("countBySeverity counts findings", () => {
  const of = (severity: Finding["severity"]) => ({ severity }) as Finding;
  assert.deepEqual(countBySeverity([of("error"), of("info"), of("info")]), { error: 1, warning: 0, info: 2 });
});
