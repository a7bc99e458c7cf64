import assert from "node:assert/strict";
import type { Verdict } from "./trial.ts";

/** Asserts that every event ended once, as its kind says, and that a fault explains each repeated effect. */
export function assertAccount({ account, exitCodes }: Verdict): void {
  const { sent } = account;
  assert.deepEqual({ ...account, repeats: account.repeats.filter(({ because }) => !because) }, {
    sent,
    handled: sent * 0.98,
    dead: { rejected: sent / 100, invalid: sent / 100 },
    lost: [],
    handledAndDead: [],
    misplaced: [],
    repeats: [],
    duplicatesAsked: [],
    duplicatesAnswered: [],
  });
  assert.ok(exitCodes.every((code) => code === 0), `runtimes exited with ${exitCodes} after SIGTERM`);
}

/** Prints progress if `CHAOS_SAY` is set. */
export function progressInTests(line: string): void {
  if (Deno.env.get("CHAOS_SAY")) console.error(line);
}
