import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withoutOtel } from "../support/telemetry_program.ts";
import { WEIR_OPTIONS } from "../support/weir_process.ts";

const PROGRAM = fileURLToPath(new URL("order_program.ts", import.meta.url));

/** The last line of the order program. */
export interface OrderRun {
  status: number;
  exportsTo: string | null;
  shutdownMs: number;
  /** Milliseconds from its last line to its exit. */
  lingeredMs: number;
}

/** Runs the order program with these `OTEL_*` variables only. */
export async function runOrder(env: Record<string, string>, args: string[] = []): Promise<OrderRun> {
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...WEIR_OPTIONS, PROGRAM, ...args],
    clearEnv: true,
    env: { ...withoutOtel(), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  let lastLineAt = performance.now();
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (!text.includes("\n")) lastLineAt = performance.now();
    text += chunk;
  }
  const { code } = await child.status;
  assert.equal(code, 0);
  return { ...JSON.parse(text.trim().split("\n").at(-1)!), lingeredMs: performance.now() - lastLineAt };
}
