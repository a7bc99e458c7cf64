import assert from "node:assert/strict";
import { shellQuoted } from "../../../runtime/cli/terminal/next_commands.ts";

for (
  const [text, quoted] of [
    ["of=c3", "of=c3"],
    ["2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"],
    ["city=New York", "'city=New York'"],
    ["name=O'Hara", `'name=O'\\''Hara'`],
    ["a=$HOME", "'a=$HOME'"],
    ["a=`id`;*", "'a=`id`;*'"],
    ["=ls", "'=ls'"],
    ["", "''"],
  ] as const
) {
  Deno.test(`shellQuoted returns ${quoted}, which a shell reads as ${JSON.stringify(text)}`, async () => {
    assert.equal(shellQuoted(text), quoted);
    const { stdout } = await new Deno.Command("sh", { args: ["-c", `printf %s ${quoted}`] }).output();
    assert.equal(new TextDecoder().decode(stdout), text);
  });
}
