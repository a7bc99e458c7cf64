import assert from "node:assert/strict";
import type { Command } from "commander";
import { program } from "../runtime/cli/program.ts";

const ROOT = new URL("../", import.meta.url);
const PAGES = [
  "README.md",
  "functions/README.md",
  "deploy/README.md",
  "deploy/CONFIGURATION.md",
  "runtime/http/README.md",
  "tests/README.md",
];
const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

/** Returns the commands of a page's shell blocks and of its inline code, without comments and continuations. */
async function commandsOf(page: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(page, ROOT));
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code]) => code.replace(/\\\n\s*/g, " "));
  const inline = [...text.matchAll(/`((?:npx -y deno@2\.9|deno) task [^`]+)`/g)].map(([, code]) => code);
  return [...blocks.flatMap((block) => block.split("\n")), ...inline]
    .map((line) => line.replace(/\s+#.*$/, "").trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

function assertOptions(known: Command, words: readonly string[], where: string): void {
  const [first] = words, sub = known.commands.find((one) => one.name() === first), { options } = sub ?? known;
  for (const word of words.filter((word) => /^--\w/.test(word) && word !== "--help")) {
    const option = word.replace(/=.*/, "").replace(/[,.]$/, "");
    assert.ok(options.some(({ long }) => long === option), `${known.name()} has no ${option}: ${where}`);
  }
}

for (const page of PAGES) {
  Deno.test(`${page}: every deno task exists, with the subcommands and options that are shown`, async () => {
    for (const command of await commandsOf(page)) {
      for (
        const [, task, rest] of command.matchAll(/(?:npx -y deno@2\.9|\bdeno) task (?:--env-file )?([\w-]+)([^&|;]*)/g)
      ) {
        if (task === "…") continue;
        assert.ok(tasks[task], `${page}: there is no task ${task}: ${command}`);
        const known: Command | undefined = (await program()).commands.find((one) => one.name() === task);
        if (known) assertOptions(known, rest.trim().split(/\s+/), `${page}: ${command}`);
      }
    }
  });
}

Deno.test("README.md begins with the two commands that need only Node, and is at most 150 lines long", async () => {
  const text = await Deno.readTextFile(new URL("README.md", ROOT));
  assert.match(text, /```sh\nnpx -y deno@2\.9 task dev\nnpx -y deno@2\.9 task test\n```/);
  assert.ok(text.trimEnd().split("\n").length <= 150);
});

Deno.test("README.md and the pages beside it link to files that exist", async () => {
  for (
    const page of [
      ...PAGES,
      "runtime/README.md",
      "runtime/engine/GUARANTEE.md",
      "deploy/METRICS.md",
      "deploy/TRACES.md",
    ]
  ) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
      const url = new URL(target, new URL(page, ROOT));
      assert.ok(await Deno.stat(url).catch(() => undefined), `${page} links to ${target}, which does not exist`);
    }
  }
});
