/**
 * The checks of the gate before its tests: types, lint, format and docs, at once, since each keeps one processor busy.
 * Prints the whole output of each as it ends.
 */
import { CHECK_OPTION } from "./support/type_check.ts";

const ROOT = new URL("../", import.meta.url);

/** Returns the paths of all modules of the repository. */
async function modules(folder = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (name.startsWith(".") || name === "node_modules" || name === "coverage") continue;
    if (isDirectory) files.push(...await modules(`${folder}${name}/`));
    else if (name.endsWith(".ts") && !name.endsWith(".d.ts")) files.push(folder + name);
  }
  return files;
}

/** The pages whose examples are checked. */
const PAGES = ["functions/README.md", "runtime/http/README.md"];

const CHECKS: readonly (readonly string[])[] = [
  // The longest is first. `deno check --doc` finds no types of an example that exports before it declares, as those of
  // these pages do. `deno test` does, and checks every module and every example in one pass.
  ["test", "--quiet", "--doc", "--no-run", CHECK_OPTION, ...await modules(), ...PAGES],
  ["lint"],
  ["fmt", "--check"],
  ["run", "--allow-run", "--allow-read", "tests/doc_check.ts"],
];

async function passes(args: readonly string[]): Promise<boolean> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT }).output();
  const shown = args.filter((arg) => !arg.endsWith(".ts") || arg === args.at(-1)).join(" ");
  console.log(`\ndeno ${shown}${success ? "" : " failed"}`);
  for (const bytes of [stdout, stderr]) await Deno.stdout.write(bytes);
  return success;
}

const passed = await Promise.all(CHECKS.map(passes));
if (passed.includes(false)) Deno.exit(1);
