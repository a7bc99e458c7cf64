import assert from "node:assert/strict";
import { simulate } from "./simulate.ts";

Deno.test("simulate takes the same steps for the same seed", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const first = await simulate(seed, {}, true), second = await simulate(seed, {}, true);
    assert.ok(first.trace.length > 5);
    assert.deepEqual(first.trace, second.trace);
  }
});

/** In the order of their names. */
const OUTCOMES_AND_FAULTS = [
  "aborted by a shutdown",
  "ack",
  "dead-letter attempts-exhausted",
  "dead-letter crashed",
  "dead-letter invalid",
  "dead-letter parked",
  "dead-letter rejected",
  "delayed more than once",
  "duplicated",
  "killed its process",
  "lease-expired",
  "more than two faults",
  "redriven",
  "retry blocks-key",
  "retry breaker-open",
  "retry dependency-open",
  "retry emit-failed",
  "retry failed",
  "retry key-limited",
  "retry prefetched",
  "retry rate-limited",
  "retry retry-after",
  "retry shutdown",
  "retry state-unavailable",
  "retry timed-out",
  "retry unknown-subject",
  "retry waits-for-key",
  "stream created again",
  "without an id",
];

Deno.test("simulate reaches every outcome and every kind of fault in 3,000 schedules", async () => {
  const reached = new Set<string>();
  for (let seed = 1; seed <= 3_000 && reached.size < OUTCOMES_AND_FAULTS.length; seed++) {
    const { ledger, renewed } = await simulate(seed);
    if (renewed) reached.add("stream created again");
    for (const account of ledger.accounts.values()) {
      for (const outcome of account.outcomes) reached.add(outcome);
      if (account.plan.headers.length === 1) reached.add("without an id");
      if (account.forks > 0) reached.add("duplicated");
      if (account.redrives > 0) reached.add("redriven");
      if (account.kills > 0) reached.add("killed its process");
      if (account.aborted > 0) reached.add("aborted by a shutdown");
      if (account.messageKeys.size > 2) reached.add("delayed more than once");
      if (account.faults > 2) reached.add("more than two faults");
    }
  }
  assert.deepEqual([...reached].sort(), OUTCOMES_AND_FAULTS);
});
