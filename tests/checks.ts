/**
 * The checks of the gate before its tests: types, lint, format and docs, at once, since each keeps one processor busy.
 * Prints the whole output of each as it ends.
 */
const CHECKS: readonly (readonly string[])[] = [
  ["check", "--quiet", "--doc"], // the longest is first
  // `deno check` finds no types of an example that exports before it declares, as the files of these pages do.
  ["test", "--quiet", "--doc", "--no-run", "functions/README.md", "runtime/http/README.md"],
  ["lint"],
  ["fmt", "--check"],
  ["run", "--allow-run", "--allow-read", "tests/doc_check.ts"],
];

async function passes(args: readonly string[]): Promise<boolean> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args] }).output();
  console.log(`\ndeno ${args.join(" ")}${success ? "" : " failed"}`);
  for (const bytes of [stdout, stderr]) await Deno.stdout.write(bytes);
  return success;
}

const passed = await Promise.all(CHECKS.map(passes));
if (passed.includes(false)) Deno.exit(1);
