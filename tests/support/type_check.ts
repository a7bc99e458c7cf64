/** Returns the first error of `deno check` in a file of a project. Empty if there is none. */
export async function typeCheck(project: string, file: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", file],
    cwd: project,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return success ? "" : text.split("\nerror: ")[0];
}
