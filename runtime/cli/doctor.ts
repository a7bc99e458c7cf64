import { Command } from "commander";
import { gather } from "../doctor/gather.ts";
import { report } from "./doctor/report.ts";
import { countBySeverity, examine } from "../doctor/examine.ts";
import { RULES } from "../doctor/rules/all.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { CommandFailure } from "./terminal/exit_codes.ts";
import { printJson, screen } from "./terminal/output.ts";

/** Builds the command `doctor`. */
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
