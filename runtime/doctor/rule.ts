import { type Facts, NotKnown } from "./facts.ts";

/** How bad it is: events may be lost or nothing runs; it will bite some day; good to know. */
const SEVERITIES = ["error", "warning", "info"] as const;

export type Severity = typeof SEVERITIES[number];

/** Where the checks belong, in the order they are told. */
export const AREAS = ["configuration", "project", "server", "streams", "consumers", "waiting"] as const;

/** What a rule says of one thing that is not as it should be. */
export interface Found {
  readonly severity: Severity;
  /** With its names and numbers. */
  readonly what: string;
  /** A line to write or a command to run. */
  readonly fix: string;
}

/** One known trap: how it is seen, why it matters and what to do. */
export interface Rule {
  readonly id: string;
  readonly area: typeof AREAS[number];
  /** What is so where nothing is found. */
  readonly holds: string;
  readonly why: string;
  /** In general; a finding says it for its own case. */
  readonly fix: string;
  /** @throws {NotKnown} when it needs what could not be looked up. */
  readonly find: (facts: Facts) => readonly Found[];
}

/** What is told of it. */
export interface Finding extends Found {
  readonly check: string;
  readonly area: Rule["area"];
  readonly why: string;
  /** The check could not be made, and `what` says why. */
  readonly unchecked?: true;
}

/** The outcome of all checks. */
export interface Examination {
  readonly findings: readonly Finding[];
  /** The rules that found nothing. */
  readonly passed: readonly Rule[];
}

/** Applies every rule. One that lacks what it needs is itself a finding, and the others go on. */
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
  const { id: check, area, why } = rule;
  try {
    return rule.find(facts).map((found) => ({ check, area, why, ...found }));
  } catch (error) {
    if (!(error instanceof NotKnown)) throw error;
    const fix = "see to that, and run doctor again";
    return [{ check, area, severity: "warning", what: `not checked: ${error.message}`, why, fix, unchecked: true }];
  }
}

/** How many there are of each severity. */
export function tally(findings: readonly Finding[]): Record<Severity, number> {
  const count = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  return { error: count("error"), warning: count("warning"), info: count("info") };
}
