import { Command } from "commander";
import { EVENT_TYPES_FILE, writeEventTypes } from "../project/event_types.ts";
import { PROJECT } from "../project/load_project.ts";
import { examples } from "./terminal/command_line.ts";

/** Builds the command `types`, for projects that are edited while no `dev` runs. */
export function typesCommand(): Command {
  return new Command("types")
    .description("Write schemas/_types.d.ts, from which editors complete event types. `dev` writes it by itself.")
    .addHelpText("after", examples("types"))
    .action(async () => {
      console.log(`${EVENT_TYPES_FILE} ${await writeEventTypes(PROJECT) ? "written" : "is up to date"}`);
    });
}
