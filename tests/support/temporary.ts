/**
 * Writes an executable script and returns its path. `sh` writes it: a file that a forking process has open can't be
 * run.
 */
export async function writeScript(directory: string, name: string, body: string): Promise<string> {
  const path = `${directory}/${name}`;
  const args = ["-c", 'printf "%s\\n" "#!/bin/sh" "$2" > "$1" && chmod 755 "$1"', "sh", path, body];
  const { success } = await new Deno.Command("sh", { args }).output();
  if (!success) throw new Error(`can't write ${path}`);
  return path;
}

/** Creates a temporary directory that `await using` removes. */
export async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "weir-test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
