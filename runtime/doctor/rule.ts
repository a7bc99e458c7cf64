import type { Facts } from "./facts.ts";

/** `error`: nothing runs, or events may be lost. `warning`: it will cause trouble. `info`: good to know. */
export type Severity = "error" | "warning" | "info";

/** The areas of the rules, in the order of the report. */
export const AREAS = ["configuration", "project", "server", "streams", "consumers", "waiting"] as const;

/** A violation of a rule. */
export interface Violation {
  readonly severity: Severity;
  /** The fact that violates the rule, with names and numbers. */
  readonly what: string;
  /** A line to write or a command to run. */
  readonly fix: string;
}

/** A known trap: how to find it, why it matters, and how to fix it. */
export interface Rule {
  readonly id: string;
  readonly area: typeof AREAS[number];
  /** The state in which the rule finds nothing. */
  readonly holds: string;
  readonly why: string;
  /** The fix in general. A violation has the fix for its own case. */
  readonly fix: string;
  /** @throws {NotKnown} if a fact that it needs could not be looked up. */
  readonly find: (facts: Facts) => readonly Violation[];
}

/** Returns rules with their area. */
export function rulesOf(area: Rule["area"], rules: readonly Omit<Rule, "area">[]): readonly Rule[] {
  return rules.map((rule) => ({ ...rule, area }));
}
