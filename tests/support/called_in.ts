/**
 * Returns the environment of a command that a user calls in a folder. `deno task` sets INIT_CWD to that folder, but
 * keeps a value that it inherits, and a test may itself run in a task.
 */
export function calledIn(cwd: string): Record<string, string> {
  return { NO_COLOR: "1", INIT_CWD: cwd };
}
