import assert from "node:assert/strict";
import { WEIR_OPTIONS } from "./weir_process.ts";

/** Result of a command line. */
export interface EndedLine {
  readonly code: number;
  /** The text that it wrote to standard error. */
  readonly err: string;
}

const PROGRAM = import.meta.resolve("../../runtime/cli/program.ts");

/** Runs the command lines that its argument holds, and prints an array of {@linkcode EndedLine}. */
const CODE = `
import process from "node:process";
import { runCommand } from "${PROGRAM}";

const write = console.log, ended = [];
let err = "";
console.log = () => {};
console.error = console.warn = (...words) => err += words.join(" ") + "\\n";
process.stderr.write = (text) => (err += text, true);
class Exit extends Error {
  constructor(code) {
    super();
    this.code = code;
  }
}
const { exit } = Deno;
Deno.exit = (code) => {
  throw new Exit(code);
};
for (const words of JSON.parse(Deno.args[0])) {
  let code = 0;
  try {
    await runCommand(words);
  } catch (error) {
    if (!(error instanceof Exit)) console.error("weir:", error.message);
    code = typeof error.code === "number" ? error.code : 1;
  }
  ended.push({ code, err });
  err = "";
}
write(JSON.stringify(ended));
exit(0);
`;

/**
 * Runs command lines in a project one after the other, in one process: a process for each would load the same modules
 * again. For what a command reports before it does anything.
 *
 * @param flags of `deno run`. Default: everything is permitted.
 */
export async function runLines(
  project: string,
  lines: readonly (readonly string[])[],
  env: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<EndedLine[]> {
  const file = `${project}/command_lines.js`;
  await Deno.writeTextFile(file, CODE);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...WEIR_OPTIONS, ...flags, file, JSON.stringify(lines)],
    cwd: project,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const out = new TextDecoder().decode(stdout);
  assert.ok(out.startsWith("["), out + new TextDecoder().decode(stderr));
  return JSON.parse(out);
}
