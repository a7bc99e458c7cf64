import { type Facts, NotKnown } from "./facts.ts";
import type { Rule, Severity } from "./rule.ts";

/** A violation with its rule, as `doctor --json` prints it. */
export interface Finding {
  readonly check: string;
  readonly area: Rule["area"];
  readonly severity: Severity;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  /** Set if the rule could not be checked. `what` has the reason. */
  readonly unchecked?: true;
}

export interface Examination {
  readonly findings: readonly Finding[];
  /** The rules without a violation. */
  readonly passed: readonly Rule[];
}

/** Applies every rule. A rule that needs an unknown fact yields a finding, and the others still run. */
export function examine(facts: Facts, rules: readonly Rule[]): Examination {
  const findings: Finding[] = [], passed: Rule[] = [];
  for (const rule of rules) {
    const found = apply(rule, facts);
    if (found.length === 0) passed.push(rule);
    findings.push(...found);
  }
  return { findings, passed };
}

function apply(rule: Rule, facts: Facts): Finding[] {
  const { id: check, area, severity = "warning", why } = rule;
  try {
    return rule.find(facts).map(({ stream = "STREAM", consumer = "CONSUMER", ...violation }) => {
      const fix = rule.fix.replaceAll("STREAM", stream).replaceAll("CONSUMER", consumer);
      return { check, area, severity, why, fix, ...violation };
    });
  } catch (error) {
    if (!(error instanceof NotKnown)) throw error;
    const fix = "fix the cause, and run doctor again";
    return [{ check, area, severity: "warning", what: `not checked: ${error.message}`, why, fix, unchecked: true }];
  }
}

export function countBySeverity(findings: readonly Finding[]): Record<Severity, number> {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  return { error: count("error"), warning: count("warning"), info: count("info") };
}
