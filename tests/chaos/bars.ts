import type { Section } from "./section.ts";
import type { Verdict } from "./trial.ts";

const SHOWN = 10;

/** Returns the figures of a trial, and its broken bars. */
export function judgeTrial(name: string, verdict: Verdict): Section {
  const { account, gaps, exitCodes } = verdict;
  const broken: string[] = [];
  const none = (what: string, numbers: readonly number[]) => {
    if (numbers.length > 0) broken.push(`${numbers.length} ${what}: ${listed(numbers)}`);
  };
  none("events lost", account.lost);
  none("events both handled and dead", account.handledAndDead);
  none("events did not end as their kind says", account.misplaced);
  none("events repeated without a fault that explains it", unexplained(verdict).map(({ again }) => again.n));
  none("events stored twice by the publisher", account.duplicatesAsked);
  none("answers stored twice", account.duplicatesAnswered);
  none("runtimes exited with another code than 0", exitCodes.filter((code) => code !== 0));
  for (const { fault, ms, barMs } of gaps) {
    if (barMs === undefined || ms < barMs) continue;
    const at = Math.round(fault.atMs - verdict.startedAtMs);
    broken.push(
      `no effect for ${Math.round(ms)} ms after the ${fault.kind} of ${fault.target} at ${at} ms; bar ${barMs}`,
    );
  }
  return {
    name,
    figures: {
      sent: account.sent,
      handled: account.handled,
      rejected: account.dead.rejected ?? 0,
      invalid: account.dead.invalid ?? 0,
      "other dead letters": Object.entries(account.dead).filter(([reason]) => !["rejected", "invalid"].includes(reason))
        .reduce((sum, [, count]) => sum + count, 0),
      lost: account.lost.length,
      "handled and dead": account.handledAndDead.length,
      repeated: account.repeats.length,
      unexplained: unexplained(verdict).length,
      "answers stored twice": account.duplicatesAnswered.length,
      faults: verdict.faults.length,
      seconds: Math.round(verdict.loadMs / 1_000),
    },
    verdict,
    broken,
  };
}

function unexplained({ account }: Verdict) {
  return account.repeats.filter(({ because }) => because === undefined);
}

function listed(numbers: readonly number[]): string {
  return numbers.slice(0, SHOWN).join(", ") + (numbers.length > SHOWN ? " …" : "");
}
