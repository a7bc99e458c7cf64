import assert from "node:assert/strict";
import { type Command, CommanderError } from "commander";
import { program } from "../../runtime/cli/program.ts";
import { WEIR_OPTIONS } from "../support/weir_process.ts";

/** Commands that print no data. */
const NO_DATA = ["dev", "start", "apply", "init", "new", "types", "completions"];

/** A command with the words that call it. */
interface CalledCommand {
  readonly words: readonly string[];
  readonly command: Command;
  readonly isGroup: boolean;
}

function commandsOf(parent: Command, words: readonly string[] = []): CalledCommand[] {
  return parent.createHelp().visibleCommands(parent).filter((command) => command.name() !== "help").flatMap(
    (command) => {
      const own = [...words, command.name()];
      const isGroup = command.commands.length > 0 && command.registeredArguments.length === 0;
      return [{ words: own, command, isGroup }, ...commandsOf(command, own)];
    },
  );
}

/** Parses a command line, without running the command, and returns its output and exit code. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const weir = await program();
  let out = "", err = "";
  const output = { writeOut: (text: string) => void (out += text), writeErr: (text: string) => void (err += text) };
  weir.configureOutput(output);
  for (const { command, isGroup } of commandsOf(weir)) {
    command.configureOutput(output);
    if (isGroup) continue;
    command.action(() => {
      throw new Error(`${command.name()} ran`);
    });
  }
  try {
    await weir.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { code: error.exitCode === 0 ? 0 : 64, out, err };
  }
  throw new Error("neither help nor an error was printed");
}

const all = commandsOf(await program());

Deno.test("program has all commands", () => {
  const names = all.map(({ words }) => words.join(" "));
  for (const name of ["dev", "events tail", "dead-letters redrive", "functions"]) assert.ok(names.includes(name), name);
});

for (const { words, command, isGroup } of all) {
  const name = words.join(" ");
  Deno.test(`${name} --help describes it, with an example, in lines of at most 110 columns`, async () => {
    const { code, out, err } = await run(...words, "--help");
    assert.deepEqual([code, err], [0, ""]);
    assert.match(command.description(), /^[A-Z].{10,}\.$/s);
    assert.match(out, new RegExp(`\nExamples?:\n(  .*\n)*?  .*deno task ${words[0]}`));
    for (const option of command.options) assert.ok(option.description, `${option.flags} has no description`);
    const long = Math.max(...out.split("\n").map((line) => line.length));
    assert.ok(long <= 110, `a line of its help has ${long} columns`);
  });

  Deno.test(`${name} refuses an unknown option`, async () => {
    const args = command.registeredArguments.filter(({ required }) => required).map(() => "1");
    const needed = command.options.filter(({ mandatory }) => mandatory).flatMap(({ long }) => [long!, "a1"]);
    const { code, err } = await run(...words, ...args, ...needed, "--no-such-option");
    assert.equal(code, 64);
    assert.match(err, /^weir: unknown option '--no-such-option'\n/);
  });

  if (isGroup) {
    Deno.test(`${name} suggests the command that was probably meant`, async () => {
      const [first] = command.commands.map((child) => child.name());
      const { code, err } = await run(...words, `${first}x`);
      assert.equal(code, 64);
      assert.match(err, new RegExp(`^weir: unknown command '${first}x'\n\\(Did you mean (one of )?.*${first}.*\\?\\)`));
    });
  } else if (!NO_DATA.includes(words[0])) {
    Deno.test(`${name} has the option --json`, () => {
      assert.ok(command.options.some(({ long }) => long === "--json"), `${name} has no --json`);
    });
  }
}

Deno.test("main refuses an unknown command with the one that was probably meant", async () => {
  const { code, err } = await run("functoins");
  assert.equal(code, 64);
  assert.match(err, /^weir: unknown command 'functoins'\n\(Did you mean functions\?\)\n/);
});

for (
  const [words, problem] of [
    [["functions", "pause", "a b"], /"a b" cannot be a function's name: a letter, then letters/],
    [["functions", "pause", "capturePayment", "a.b"], /"a\.b" cannot be a function's name/],
    [["functions", "resume", ""], /"" cannot be a function's name/],
    [["functions", "rename", "a b", "c"], /argument 'old'\. "a b" cannot be a function's name/],
    [["functions", "rename", "c", "a>"], /argument 'new'\. "a>" cannot be a function's name/],
    [["replay", "a b", "--since", "1h"], /"a b" cannot be a function's name/],
    [["replay", "a", "--since", "1h", "--stream", "A.*"], /must be the name of a stream/],
    [["events", "cancel", "A B", "1", "--function", "a"], /must be the name of a stream/],
    [["events", "cancel", "A", "1", "--function", "a b"], /"a b" cannot be a function's name/],
    [["events", "record", "orders.created", "--stream", "a b"], /must be the name of a stream/],
    [["migrate", "--from", "x", "--bucket", "stock", "a b"], /must be the name of a key-value bucket/],
    [["dead-letters", "list", "--function", "a b"], /"a b" cannot be a function's name/],
    [["retries", "list", "--function", "*"], /"\*" cannot be a function's name/],
    [["schemas", "verify", "--since", "soon"], /must be a time such as 2026-11-21T10:00:00Z, or/],
  ] as const
) {
  Deno.test(`${words.slice(0, 2).join(" ")} refuses a value that it cannot take: ${JSON.stringify(words)}`, async () => {
    const { code, err } = await run(...words);
    assert.equal(code, 64);
    assert.match(err, problem);
  });
}

Deno.test("main quotes no control character of an argument in a usage error", async () => {
  for (const args of [["functions\u001b[2J\u202e"], ["dead-letters", "show", "1\u001b[2J\u202e"]]) {
    const { code, err } = await run(...args);
    assert.equal(code, 64);
    assert.match(err, / \[2J\\u\{202e\}/);
  }
});

Deno.test("main exits with the same codes for every command", async () => {
  const codes = await Promise.all(
    [["dead-letters", "list", "--nope"], ["retries", "--help"], ["events", "tial"], ["nope"]].map(async (args) => {
      const main = new URL("../../runtime/cli/main.ts", import.meta.url).pathname;
      const command = new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", ...WEIR_OPTIONS, main, ...args] });
      return (await command.output()).code;
    }),
  );
  assert.deepEqual(codes, [64, 0, 64, 64]);
});
