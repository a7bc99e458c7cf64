import { Command } from "commander";
import { serveRevision } from "../dev/serve_revision.ts";
import { runProcess } from "./start/run_process.ts";

/** Builds the hidden command `revision`, which `dev` runs in each of its processes. */
export function revisionCommand(): Command {
  return new Command("revision").action(revision);
}

async function revision(): Promise<void> {
  if (!process.send) throw new Error("only `dev` runs `revision`");
  await serveRevision({
    run: ({ loaded, ready, onStop }) => {
      Deno.permissions.revokeSync({ name: "run", command: Deno.execPath() }); // as in `start`
      return runProcess({ apply: true }, { quiet: true, loaded, ready, onStop });
    },
    sample: async (event) => (await import("../testing/sample.ts")).sample(event),
  });
}
