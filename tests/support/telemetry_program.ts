import assert from "node:assert/strict";
import { WEIR_OPTIONS } from "./weir_process.ts";

/** Runs a program with the `OTEL_` variables in `env` alone. Returns its standard output. */
export async function runWithoutOtel(
  program: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<string> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...WEIR_OPTIONS, program, ...args],
    clearEnv: true,
    env: { ...withoutOtel(), ...env },
    stderr: "inherit",
  }).output();
  assert.equal(code, 0);
  return new TextDecoder().decode(stdout);
}

/** Returns this process's environment without the `OTEL_` variables. */
export function withoutOtel(): Record<string, string> {
  return Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("OTEL_")));
}
