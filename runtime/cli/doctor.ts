import { Command } from "commander";
import { gather } from "../doctor/gather.ts";
import { countBySeverity, type Examination, examine, type Finding } from "../doctor/examine.ts";
import { AREAS, type Severity } from "../doctor/rule.ts";
import { RULES } from "../doctor/rules/all.ts";
import { printable } from "../telemetry/otel/logs/printable.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { CommandFailure } from "./terminal/exit_codes.ts";
import { count, paint, printJson, type Screen, screen } from "./terminal/output.ts";

const COLOURS = { error: "red", warning: "yellow", info: "cyan" } as const;

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Check the environment, the project and the cluster for known problems. Changes nothing.")
    .option("--json", "print the findings as a JSON list")
    .option("--strict", "exit with 1 on warnings as well")
    .addHelpText("after", "\nExample:\n  deno task doctor\n  NATS_URL=tls://nats:4222 deno task doctor --strict --json")
    .action(doctor);
}

async function doctor({ json, strict }: { json?: boolean; strict?: boolean }): Promise<void> {
  const examination = examine(await gather(commandConfig), RULES), { findings } = examination;
  if (json) printJson(findings);
  else console.log(report(examination, screen()));
  const { error, warning } = countBySeverity(findings);
  if (error > 0 || strict && warning > 0) throw new CommandFailure("");
}

/** Formats findings by area, each with its fix, followed by the checks that passed. */
export function report({ findings, passed }: Examination, target: Screen): string {
  const lines: string[] = [];
  for (const area of AREAS) {
    const own = findings.filter((finding) => finding.area === area);
    const ok = passed.filter((rule) => rule.area === area);
    if (own.length + ok.length === 0) continue;
    lines.push("", paint("bold", area, target));
    for (const finding of own.filter(({ unchecked }) => !unchecked)) lines.push(...findingText(finding, target));
    for (const [what, group] of Map.groupBy(own.filter(({ unchecked }) => unchecked), ({ what }) => what)) {
      const checks = group.map(({ check }) => check).join(", ");
      lines.push(`  ${mark("warning", target)} ${printable(what)}`, `    ${paint("dim", `checks: ${checks}`, target)}`);
    }
    for (const rule of ok) lines.push(paint("dim", `  ok       ${rule.holds}`, target));
  }
  return [...lines.slice(1), "", summary(findings, passed.length, target)].join("\n");
}

function findingText({ severity, what, why, fix }: Finding, target: Screen): string[] {
  return [
    `  ${mark(severity, target)} ${printable(what)}`,
    `    ${paint("dim", printable(`why: ${why}`), target)}`,
    printable(`    fix: ${fix}`),
  ];
}

function mark(severity: Severity, target: Screen): string {
  return paint(COLOURS[severity], severity.padEnd(8), target);
}

function summary(findings: readonly Finding[], passed: number, target: Screen): string {
  const { error, warning, info } = countBySeverity(findings.filter(({ unchecked }) => !unchecked));
  const unchecked = findings.filter(({ unchecked }) => unchecked).length;
  const text = `${count(error, "error")}, ${count(warning, "warning")}, ${info} info; ` +
    `${count(passed, "check")} passed${unchecked > 0 ? `, ${unchecked} could not run` : ""}`;
  return paint(error > 0 ? "red" : warning + unchecked > 0 ? "yellow" : "green", text, target);
}
