import assert from "node:assert/strict";
import { simulate } from "./simulate.ts";

Deno.test("a seed does the same every time, step by step", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const first = await simulate(seed, {}, true), second = await simulate(seed, {}, true);
    assert.ok(first.trace.length > 5);
    assert.deepEqual(first.trace, second.trace);
  }
});

Deno.test("the schedules reach every outcome, and every kind of harm", async () => {
  const reached = new Set<string>();
  for (let seed = 1; seed <= 3_000; seed++) {
    const { ledger } = await simulate(seed);
    for (const account of ledger.accounts.values()) {
      for (const outcome of account.outcomes) reached.add(outcome);
      if (account.forks > 0) reached.add("doubled");
      if (account.kills > 0) reached.add("killed its process");
      if (account.brokenOff > 0) reached.add("broken off");
      if (account.places.size > 2) reached.add("delayed more than once");
      if (account.faults > 2) reached.add("hit more than twice");
    }
  }
  assert.deepEqual([...reached].sort(), [
    "ack",
    "broken off",
    "dead-letter attempts-exhausted",
    "dead-letter crashed",
    "dead-letter invalid",
    "dead-letter rejected",
    "delayed more than once",
    "doubled",
    "hit more than twice",
    "killed its process",
    "retry breaker-open",
    "retry dependency-open",
    "retry emit-failed",
    "retry failed",
    "retry retry-after",
    "retry shutdown",
    "retry state-unavailable",
    "retry timed-out",
  ]);
});
