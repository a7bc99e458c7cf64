import assert from "node:assert/strict";
import { completionScript } from "../../runtime/cli/completions.ts";
import { program } from "../../runtime/cli/main.ts";

/** Returns what bash offers after some words, of which the last is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const script = `${completionScript(program())}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir_deno\n` +
    'printf "%s\\n" "${COMPREPLY[@]}"';
  const { stdout, stderr } = await new Deno.Command("bash", { args: ["-c", script, "bash", ...words] }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").filter((word) => word !== "");
}

for (
  const [line, expected] of [
    ["deno task dea", ["dead-letters"]],
    ["deno task dead-letters ", ["list", "show", "redrive", "discard", "--help"]],
    ["deno task dead-letters list --re", ["--reason"]],
    ["deno task dead-letters list --reason rejected --j", ["--json"]],
    ["deno task plan --s", ["--strict"]],
    ["deno task worker", []],
    ["deno run --al", []],
  ] as const
) {
  Deno.test(`completionScript offers ${expected.join(", ") || "nothing"} after "${line}"`, async () => {
    assert.deepEqual((await offered(...line.split(" "))).sort(), [...expected].sort());
  });
}
