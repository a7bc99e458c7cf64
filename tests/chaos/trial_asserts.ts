import assert from "node:assert/strict";
import type { Verdict } from "./trial.ts";

/** Every event ended once, where its kind says; what was done twice has a fault that explains it. */
export function assertAllWell({ account, exitCodes }: Verdict): void {
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
  assert.ok(exitCodes.every((code) => code === 0), `runtimes that were asked to end ended with ${exitCodes}`);
}

/** Says what is going on where `CHAOS_SAY` is set. */
export function sayInTests(line: string): void {
  if (Deno.env.get("CHAOS_SAY")) console.error(line);
}
