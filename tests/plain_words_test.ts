import assert from "node:assert/strict";
import plugin from "./plain_words.ts";

function findings(source: string): string[] {
  return Deno.lint.runPlugin(plugin, "x.ts", source).map(({ message }) => message.split(":")[0]);
}

for (
  const [source, ...expected] of [
    ["/** What a function may emit. */", 'begins with "What"'],
    ["/**\n * Of each stream\n */", 'begins with "Of"'],
    ["/** The caller is told whoever asks. */", '"is told" hides who acts'],
    ['Deno.test("So many events", () => {});', 'begins with "So"', '"So many" hides who acts'],
    ["await t.step(`Which of ${n}`, () => {});", 'begins with "Which"'],
    ['test("So what", () => {});', 'begins with "So"'],
    ["/** Returns the stream that stores it. */"],
    ["/** Returns it.\n *\n * ```ts\n * // What nobody reads\n * ```\n */"],
    ["/** `What` is a name. */"],
    ["// What is a plain comment's business"],
    ['Deno.test("Dispatcher holds every delivery of a tick", () => {});'],
  ]
) {
  Deno.test(`words/plain finds ${expected.length || "nothing"} in ${source.replace(/\n/g, "⏎")}`, () => {
    assert.deepEqual(findings(source), expected);
  });
}
