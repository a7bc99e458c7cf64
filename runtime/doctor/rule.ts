import type { Facts } from "./facts.ts";

/** `error`: nothing runs, or events may be lost. `warning`: it will cause trouble. `info`: good to know. */
export type Severity = "error" | "warning" | "info";

/** The areas of the rules, in the order of the report. */
export const AREAS = ["configuration", "project", "server", "streams", "consumers", "waiting"] as const;

export interface Violation {
  /** The fact that violates the rule, with names and numbers. */
  readonly what: string;
  /** Default: the severity of the rule. */
  readonly severity?: Severity;
  /** Default: the fix of the rule, with the names of the stream and the consumer. */
  readonly fix?: string;
  readonly stream?: string;
  readonly consumer?: string;
}

/** A known trap: how to find it, why it matters, and how to fix it. */
export interface Rule {
  readonly id: string;
  readonly area: typeof AREAS[number];
  /** @default "warning" */
  readonly severity?: Severity;
  /** The state in which the rule finds nothing. */
  readonly holds: string;
  readonly why: string;
  /** A line to write or a command to run. `STREAM` and `CONSUMER` stand for names in the violation. */
  readonly fix: string;
  /** @throws {NotKnown} if a fact that it needs could not be looked up. */
  readonly find: (facts: Facts) => readonly Violation[];
}

export function rulesOf(area: Rule["area"], rules: readonly Omit<Rule, "area">[]): readonly Rule[] {
  return rules.map((rule) => ({ ...rule, area }));
}
