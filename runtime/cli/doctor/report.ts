import { paint, type Screen } from "../terminal/output.ts";
import { AREAS, type Examination, type Finding, type Severity, tally } from "../../doctor/rule.ts";

const COLOURS = { error: "red", warning: "yellow", info: "cyan" } as const;

/** What was found, by where it belongs, each with what to do; and, dim, what is well. */
export function report({ findings, passed }: Examination, shown: Screen): string {
  const lines: string[] = [];
  for (const area of AREAS) {
    const own = findings.filter((one) => one.area === area), well = passed.filter((rule) => rule.area === area);
    if (own.length + well.length === 0) continue;
    lines.push("", paint("bold", area, shown));
    for (const one of own.filter(({ unchecked }) => !unchecked)) lines.push(...finding(one, shown));
    for (const [what, group] of Map.groupBy(own.filter(({ unchecked }) => unchecked), (one) => one.what)) {
      const checks = group.map(({ check }) => check).join(", ");
      lines.push(`  ${mark("warning", shown)} ${what}`, `    ${paint("dim", `checks: ${checks}`, shown)}`);
    }
    for (const rule of well) lines.push(paint("dim", `  ok       ${rule.holds}`, shown));
  }
  return [...lines.slice(1), "", summary(findings, passed.length, shown)].join("\n");
}

function finding({ severity, what, why, fix }: Finding, shown: Screen): string[] {
  return [
    `  ${mark(severity, shown)} ${what}`,
    `    ${paint("dim", `why: ${why}`, shown)}`,
    `    fix: ${fix}`,
  ];
}

function mark(severity: Severity, shown: Screen): string {
  return paint(COLOURS[severity], severity.padEnd(8), shown);
}

function summary(findings: readonly Finding[], passed: number, shown: Screen): string {
  const { error, warning, info } = tally(findings.filter(({ unchecked }) => !unchecked));
  const unchecked = findings.filter((one) => one.unchecked).length;
  const counted = (n: number, one: string) => `${n} ${one}${n === 1 ? "" : "s"}`;
  const text = `${counted(error, "error")}, ${counted(warning, "warning")}, ${info} for information; ` +
    `${counted(passed, "check")} found nothing${unchecked > 0 ? `, ${unchecked} could not be made` : ""}`;
  return paint(error > 0 ? "red" : warning + unchecked > 0 ? "yellow" : "green", text, shown);
}
