import { startWeir } from "./weir_process.ts";

/** Result of a command that has ended. */
export interface Ended {
  readonly code: number;
  readonly text: string;
}

/** Returns a function that runs `weir COMMAND` in a project, on a NATS, to its end. */
export function commandRunner(project: string, natsUrl: string, env: Record<string, string> = {}) {
  return async (...args: string[]): Promise<Ended> => {
    // Nothing listens on port 1, so that no other test's admin listener answers.
    await using program = startWeir(project, args, { NATS_URL: natsUrl, ADMIN_PORT: "1", NO_COLOR: "1", ...env });
    const { code } = await program.status;
    return { code, text: program.lines.join("\n") };
  };
}
