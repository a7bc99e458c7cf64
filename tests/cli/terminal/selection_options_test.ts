import assert from "node:assert/strict";
import { Command } from "commander";
import { selectionOptions } from "../../../runtime/cli/terminal/command_line.ts";

function parse(...args: string[]): Record<string, unknown> {
  const command = selectionOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }));
  return command.parse(args, { from: "user" }).opts();
}

Deno.test("selectionOptions takes the name of a function and a pattern of types", () => {
  const given = parse("--function", "capturePayment", "--type", "orders.>", "--limit", "2");
  assert.deepEqual(given, { function: "capturePayment", type: "orders.>", limit: 2 });
});

// `--function "$NAME"` with a variable that is not set must not act on every dead letter.
for (const name of ["", "*", ">", "a b", "orders.created"]) {
  Deno.test(`selectionOptions refuses the function "${name}"`, () => {
    assert.throws(() => parse("--function", name), /cannot be a function's name/);
  });
}

for (const type of ["", "a b", "orders.", "a>b"]) {
  Deno.test(`selectionOptions refuses the type "${type}"`, () => {
    assert.throws(() => parse("--type", type), /It must be a type or a subject pattern/);
  });
}
