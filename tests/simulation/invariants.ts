import { NAME } from "./events.ts";
import type { Account } from "./ledger.ts";
import { DUPLICATE_WINDOW_MS, headerOf, type StoredMessage } from "./model.ts";
import type { World } from "./world.ts";

/** Returns the violated invariants once the world is quiet, one line each. */
export function violations(world: World): string[] {
  const problems = [...world.order.problems, ...world.leases.problems, ...world.rate.problems()];
  for (const account of world.ledger.accounts.values()) {
    const of = `${account.plan.id} (${account.plan.trouble})`;
    problems.push(...check(world, account).map((problem) => `${of}: ${problem} [${summary(account)}]`));
  }
  return problems;
}

function check(world: World, account: Account): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, otherwise: () => string) => void (holds || problems.push(otherwise()));
  const { plan, runs, failures, kills, aborted, refused, successes, faults, forks } = account;
  const { attempts, batchSize, parks, blocks } = world.settings;
  const letters = world.model.messages("DEAD_LETTERS").filter(({ headers }) => headerOf(headers, NAME) === plan.id);
  const emitted = world.model.messages("OUT").filter((message) => world.eventIn([], message.payload) === plan.id);

  // Invariant: it is assigned to a partition once, however late it is delivered again.
  must(account.assigned <= 1, () => `assigned ${account.assigned} times`);
  // Invariant: every event ends, handled or as a dead letter.
  must(successes > 0 || letters.length > 0 || account.isDiscarded, () => "lost: neither handled nor a dead letter");
  // Invariant: as both only if a fault hit it between its first outcome and its settling, or two replicas ran it.
  const between = faults > account.faultsBeforeEnd! || forks > 0 || account.overlaps > 0;
  must(letters.length === 0 || successes === 0 || between, () => "handled and a dead letter, without a fault between");
  // Two runs of a duplicated event may end so far apart that JetStream does not remember the first id.
  const isRepeated = (at: number) => forks === 0 || letters[at].timeMs - letters[at - 1].timeMs < DUPLICATE_WINDOW_MS;
  must(account.isCopied || !letters.some((_, at) => at > 0 && isRepeated(at)), () => `${letters.length} dead letters`);
  for (const letter of letters) problems.push(...wrongIn(letter, account, attempts));
  // Invariant: what a live process holds stays with it, whether it runs or waits.
  must(account.overlaps === 0 || world.disturbed, () => "another replica received it while it was held");
  if (successes > 0) {
    const ids = new Set(emitted.map(idOf));
    must(ids.size === plan.emits, () => `handled, but ${ids.size} of its ${plan.emits} events are stored`);
  }
  must(emitted.length === new Set(emitted.map(idOf)).size, () => "an emitted event is stored twice");

  // Invariant: it runs as often as its policy says, and once more for each fault.
  // An event that blocks its key runs until it is handled.
  const deaths = attempts * (1 + forks + account.redrives), budget = blocks ? Infinity : deaths;
  // A batch that failed runs again in halves.
  must(batchSize > 0 || runs <= budget + faults + aborted + refused, () => `run ${runs} times`);
  problems.push(...account.problems);
  must(failures + kills <= budget + faults, () => `used ${failures + kills} attempts`);
  // Invariant: it kills as many processes as it has attempts, one more for each message whose first delivery vanished, and
  // one more for each time that two had it. A fault may lose a count. The end of a process loses none.
  const mayKill = deaths + account.messageKeys.size + account.overlaps + faults - account.expiries;
  must(kills <= mayKill, () => `killed its process ${kills} times, and may ${mayKill} times`);
  // Invariant: an event that blocks its key ends as crashed only after as many deaths in a row as it has attempts.
  const { deathsAtCrash = attempts } = account;
  const ends = !blocks || account.overlaps > 0 || deathsAtCrash >= attempts;
  must(ends, () => `ended as crashed after ${deathsAtCrash} deaths in a row`);
  const exhausted = letters.some(({ headers }) =>
    /^(attempts-exhausted|crashed)$/.test(headerOf(headers, "weir-reason")!)
  );
  must(!exhausted || failures + kills + faults >= attempts, () => "ended before its attempts were used");

  // Shutdowns, open breakers and its own failures are no faults: without a fault all counts are exact.
  const clean = !parks && !blocks && forks === 0 && account.overlaps === 0 && faults <= kills;
  if (clean) problems.push(...inexact(account, attempts, letters, batchSize > 0));
  return problems;
}

/**
 * Returns the deviations from the plan of an event that no fault hit.
 *
 * @param isBatched True if it may have run again, or failed, for another event of its batch.
 */
function inexact(
  account: Account,
  attempts: number,
  letters: readonly StoredMessage[],
  isBatched: boolean,
): string[] {
  const { plan: { trouble, times }, runs, failures, kills, aborted, successes, messageKeys } = account;
  if (account.early > 0) return ["its delayed retry came before its time"];
  // A first delivery that vanished counts as an attempt, but an event does not end on that alone: it may run once more
  // than it has attempts, for each message that carried it.
  const fewest = Math.min(times, attempts), most = Math.min(times, attempts + messageKeys.size);
  if (trouble === "kills") {
    const ended = letters.length === 1 && kills >= attempts, went = letters.length === 0 && kills === times;
    return kills >= fewest && kills <= most && (ended || went) ? [] : [`killed its process ${kills} times`];
  }
  const ends = trouble === "invalid" || trouble === "rejects" ||
    (trouble !== "depends" && times >= attempts && times > 0);
  if (ends && letters.length !== 1) return ["no dead letter, though it cannot succeed"];
  if (!ends && letters.length > 0 && trouble !== "depends") return ["a dead letter, though it would have succeeded"];
  if (!ends && successes !== 1 && trouble !== "depends") return [`handled ${successes} times`];
  if (isBatched) {
    const few = /fails|waits|hangs/.test(trouble) && failures < Math.min(times, attempts);
    return few ? [`used ${failures} attempts`] : [];
  }
  switch (trouble) {
    case "none":
      return runs === 1 + aborted ? [] : [`run ${runs} times`];
    case "invalid":
      return runs === 0 ? [] : [`run ${runs} times`];
    case "rejects":
      return runs === 1 + aborted ? [] : [`run ${runs} times`];
    case "fails":
    case "waits":
    case "hangs":
      if (failures !== Math.min(times, attempts)) return [`used ${failures} attempts`];
      return runs === failures + successes + aborted ? [] : [`run ${runs} times`];
    case "depends": // the breaker of the dependency is shared with other events
      return failures <= attempts && successes + letters.length === 1 ? [] : [`used ${failures} attempts`];
  }
}

/** Returns the wrong fields of a dead letter. */
function wrongIn({ headers, payload }: StoredMessage, account: Account, attempts: number): string[] {
  const { plan, seq, faults, kills, forks } = account;
  const header = (name: string) => headerOf(headers, name);
  const problems: string[] = [];
  const must = (holds: boolean, otherwise: () => string) => void (holds || problems.push(otherwise()));
  must(String(payload) === String(plan.payload), () => "its dead letter has another payload");
  for (const [name, value] of plan.headers) must(header(name) === value, () => `its dead letter has another ${name}`);
  must(
    header("weir-stream") === "SIM" && header("weir-sequence") === String(seq),
    () => "its dead letter has another weir-stream or weir-sequence",
  );
  const reason = header("weir-reason")!, said = Number(header("weir-attempts"));
  const plausible: Record<string, boolean> = {
    "parked": account.isParked,
    "invalid": plan.trouble === "invalid",
    "rejected": plan.trouble === "rejects",
    "crashed": kills + faults > 0,
    "attempts-exhausted": plan.times > 0 || faults > 0,
  };
  must(plausible[reason], () => `its dead letter says ${reason}`);
  const exact = faults + forks === 0 && reason === "attempts-exhausted";
  must(exact ? said === attempts : said <= attempts, () => `its dead letter says ${said} attempts`);
  return problems;
}

function idOf({ headers }: StoredMessage): string {
  return headerOf(headers, "Nats-Msg-Id")!;
}

function summary({ runs, failures, kills, aborted, successes, faults, forks, outcomes }: Account): string {
  return `runs ${runs}, failures ${failures}, kills ${kills}, aborted ${aborted}, successes ${successes}, ` +
    `faults ${faults}, forks ${forks}; ${outcomes.join(", ")}`;
}
