import { join, resolve } from "node:path";
import { Command } from "commander";
import { examples } from "./terminal/command_line.ts";
import { DENO, printNextCommands, shellQuoted } from "./terminal/next_commands.ts";
import { paint } from "./terminal/output.ts";

export function initCommand(): Command {
  return new Command("init")
    .description("Create a project in a new or empty folder: a function, its event, its test, an image.")
    .argument("<dir>", "the folder")
    .option(
      "--weir <from>",
      "a folder that contains Weir, or, once it is in a registry, a version (default: the Weir that runs this)",
    )
    .addHelpText("after", examples("init ../shop", "init ../shop --weir ../weir", "init ../shop --weir 0.1.0"))
    .action(init);
}

async function init(dir: string, { weir }: { weir?: string }): Promise<void> {
  // `deno task` changes to the project's folder; INIT_CWD is the folder it was called in.
  const base = Deno.env.get("INIT_CWD") ?? Deno.cwd();
  const { makeProject } = await import("./init/make_project.ts"); // loaded here: no other command needs it
  for (const path of await makeProject(base, dir, weir)) {
    console.log(`${paint("green", "created")} ${join(dir, path)}`);
  }
  const cd = resolve(base, dir) === base ? [] : [`cd ${shellQuoted(dir)}`];
  printNextCommands([...cd, `${DENO} task test`, `${DENO} task dev`]);
}
