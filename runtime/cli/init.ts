import { join, resolve } from "node:path";
import { Command } from "commander";
import { examples } from "./terminal/help.ts";
import { paint } from "./terminal/output.ts";
import { THIS_DENO } from "./terminal/shell.ts";

/** `init`: a project of its own that depends on Weir. */
export function initCommand(): Command {
  return new Command("init")
    .description("Make a project of its own in a new or empty folder: a function, its event, its test, an image.")
    .argument("<dir>", "the folder")
    .option("--weir <from>", "a version of Weir, or the folder that it is in (default: the Weir that runs this)")
    .addHelpText("after", examples("init ../shop", "init ../shop --weir ../weir", "init ../shop --weir 0.1.0"))
    .action(async (dir: string, { weir }: { weir?: string }) => {
      // A task runs in its project's folder; this is where it was called.
      const base = Deno.env.get("INIT_CWD") ?? Deno.cwd();
      const { makeProject } = await import("./init/make_project.ts"); // only here: no other command needs it
      for (const path of await makeProject(base, dir, weir)) {
        console.log(`${paint("green", "created")} ${join(dir, path)}`);
      }
      const next = [
        ...resolve(base, dir) === base ? [] : [`cd ${quoted(dir)}`],
        `${THIS_DENO} task test`,
        `${THIS_DENO} task dev`,
      ];
      console.log(`\n${paint("bold", "next")}\n${next.map((command) => `  ${command}`).join("\n")}`);
    });
}

/** A word that a shell takes as it is. */
function quoted(text: string): string {
  return /^[\w./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
