import assert from "node:assert/strict";
import { completionScript } from "../../runtime/cli/completions.ts";
import { program } from "../../runtime/cli/program.ts";

/** Returns what bash offers after some words, of which the last is being typed. */
async function offered(words: readonly string[], before = ""): Promise<string[]> {
  const script =
    `${before}\n${completionScript(await program())}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir_deno\n` +
    'printf "%s\\n" "${COMPREPLY[@]}"';
  const { stdout, stderr } = await new Deno.Command("bash", { args: ["-c", script, "bash", ...words] }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").filter((word) => word !== "");
}

for (
  const [line, expected] of [
    ["deno task dea", ["dead-letters"]],
    ["deno task dead-letters ", ["list", "groups", "show", "redrive", "discard", "--help"]],
    ["deno task dead-letters list --re", ["--reason"]],
    ["deno task dead-letters list --reason rejected --j", ["--json"]],
    ["deno task plan --s", ["--strict"]],
    ["deno task worker", []],
    ["deno run --al", []],
  ] as const
) {
  Deno.test(`completionScript offers ${expected.join(", ") || "nothing"} after "${line}"`, async () => {
    assert.deepEqual((await offered(line.split(" "))).sort(), [...expected].sort());
  });
}

Deno.test("completionScript leaves what is no task to the completions that were loaded before, also loaded twice", async () => {
  const denos = "_deno() { COMPREPLY=(--allow-all); }\ncomplete -F _deno -o bashdefault deno\n";
  assert.deepEqual(await offered(["deno", "run", "--al"], denos), ["--allow-all"]);
  const again = denos + completionScript(await program());
  assert.deepEqual(await offered(["deno", "run", "--al"], again), ["--allow-all"]);
  assert.deepEqual(await offered(["deno", "task", "dea"], denos), ["dead-letters"]);
  assert.deepEqual(await offered(["deno", "run", "--al"], completionScript(await program())), []);
});
