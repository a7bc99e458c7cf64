/** Returns the errors of `deno check` in files of a project. Empty if there is none. */
export async function typeCheck(project: string, ...files: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...files],
    cwd: project,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return success ? "" : text.split("\nerror: ")[0];
}
