/**
 * Option of `deno check`, and of `deno test` if it checks types. The compiler ends within seconds: TurboFan takes longer
 * to compile it than its code saves, as does the garbage collector in a new space of the default size.
 */
export const CHECK_OPTION = "--v8-flags=--no-turbofan,--min-semi-space-size=16";

/** Returns the errors of `deno check` in files of a project. Empty if there is none. */
export async function typeCheck(project: string, ...files: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", CHECK_OPTION, "--quiet", ...files],
    cwd: project,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return success ? "" : text.split("\nerror: ")[0];
}
