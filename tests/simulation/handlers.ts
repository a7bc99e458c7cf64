import { NonRetryableError, RetryAfterError } from "weir";
import type { BatchContext } from "../../runtime/api/batch.ts";
import type { HandlerContext } from "../../runtime/api/context.ts";
import type { WeirEvent } from "../../runtime/core/event.ts";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { Answered } from "./events.ts";
import type { Account } from "./ledger.ts";
import type { Replica } from "./replica.ts";
import type { World } from "./world.ts";

/** A running handler. The schedule decides when it finishes. */
export interface Run {
  readonly replica: Replica;
  readonly account: Account;
  readonly notBeforeMs: number;
  finish(): void;
}

/** Returns the handler of a replica. It waits for the schedule, and then succeeds or fails as its event's plan says. */
export function handlerOf(world: World, replica: Replica): ResolvedFunction["handler"] {
  const handler = async (given: WeirEvent | readonly WeirEvent[], ctx: HandlerContext) => {
    // The process may have died before the handler began.
    if (replica.connection.state === "dead") return await new Promise<void>(() => {});
    if (Array.isArray(given)) return await handleBatch(world, replica, given, ctx as unknown as BatchContext);
    return await handle(world, replica, given as WeirEvent, ctx);
  };
  return handler as ResolvedFunction["handler"];
}

async function handle(world: World, replica: Replica, event: WeirEvent, ctx: HandlerContext): Promise<void> {
  const account = accountOf(world, event), { plan } = account, { trouble } = plan;
  await run(world, replica, account, ctx.attempt);
  if (account.thrown < plan.times && trouble !== "kills" && trouble !== "hangs") {
    account.thrown++;
    world.trace?.(`${plan.id} ${trouble}`);
    if (trouble !== "depends") throw errorOf(world, account);
    await ctx.dependency("api").call(() => Promise.reject(new Error("as planned")));
  }
  account.succeededIn.set(replica, true);
  for (let n = 0; n < plan.emits; n++) ctx.emit(Answered, { cause: plan.id });
}

/** Handles a batch: an event with the trouble `depends` fails all its events, and any other one itself. */
async function handleBatch(
  world: World,
  replica: Replica,
  events: readonly WeirEvent[],
  ctx: BatchContext,
): Promise<void> {
  const accounts = events.map((event) => accountOf(world, event));
  await Promise.all(accounts.map((account) => run(world, replica, account, ctx.attempt)));
  // An event that is rejected ends, and fails by itself alone. Others fail as often as they used an attempt,
  // and those that block their key use up no further one.
  const { blocks } = world.settings;
  const failing = accounts.map(({ plan: { trouble, times }, failures, thrown }) =>
    (trouble === "rejects" || blocks ? thrown : failures) < times && trouble !== "kills" && trouble !== "hangs"
  );
  if (accounts.some(({ plan }, at) => failing[at] && plan.trouble === "depends")) {
    world.trace?.("the batch throws");
    if (blocks) { for (const [at, account] of accounts.entries()) account.thrown += failing[at] ? 1 : 0; }
    throw new Error("as planned");
  }
  for (const [at, account] of accounts.entries()) {
    const { plan } = account, event = events[at];
    if (failing[at]) {
      account.thrown++;
      world.trace?.(`${plan.id} ${plan.trouble}`);
      if (!world.bug.ignoresFailures) ctx.batch.fail(event, errorOf(world, account));
      continue;
    }
    account.succeededIn.set(replica, true);
    for (let n = 0; n < plan.emits; n++) ctx.emit(Answered, { cause: plan.id }, { cause: event });
  }
}

function accountOf(world: World, { data }: WeirEvent): Account {
  return world.ledger.of(`e${(data as { n: number }).n}`);
}

/** Records the start of a run, and resolves when the schedule lets it finish. */
async function run(world: World, replica: Replica, account: Account, attempt: number): Promise<void> {
  account.runs++;
  account.succeededIn.set(replica, false);
  world.leases.began(replica, account);
  if (world.settings.ordered) world.order.began(world, replica, account);
  world.rate.began(world.now());
  world.trace?.(`${replica.name} runs ${account.plan.id}, attempt ${attempt}`);
  const { promise, resolve } = Promise.withResolvers<void>();
  world.runs.push({ replica, account, notBeforeMs: world.now() + account.plan.takesMs, finish: resolve });
  await promise;
}

function errorOf({ random }: World, { plan: { trouble } }: Account): Error {
  if (trouble === "rejects") return new NonRetryableError("as planned");
  return trouble === "waits" ? new RetryAfterError(5_000 + random.below(4) * 3_000) : new Error("as planned");
}

/** Returns why the handler was abandoned before it returned; undefined if it was not. */
export function abandoned(outcome: Outcome): "shutdown" | "timed-out" | "lease-expired" | undefined {
  if (outcome.kind === "lease-expired") return outcome.kind;
  if (outcome.kind === "dead-letter") return outcome.error.name === "TimeoutError" ? "timed-out" : undefined;
  if (outcome.kind === "retry" && (outcome.reason === "shutdown" || outcome.reason === "timed-out")) {
    return outcome.reason;
  }
  return undefined;
}
