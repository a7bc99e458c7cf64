import { NonRetryableError, RetryAfterError } from "weir";
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
  return async ({ data }, ctx) => {
    const id = `e${(data as { n: number }).n}`;
    // The process may have died before the handler began.
    if (replica.connection.state === "dead") return await new Promise(() => {});
    const account = world.ledger.of(id), { plan } = account, { trouble } = plan;
    account.runs++;
    world.leases.began(replica, account);
    if (world.settings.ordered) world.order.began(world, replica, account);
    world.trace?.(`${replica.name} runs ${id}, attempt ${ctx.attempt}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    world.runs.push({ replica, account, notBeforeMs: world.now() + plan.takesMs, finish: resolve });
    await promise;
    if (account.thrown < plan.times && trouble !== "kills" && trouble !== "hangs") {
      account.thrown++;
      world.trace?.(`${id} ${trouble}`);
      if (trouble === "rejects") throw new NonRetryableError("as planned");
      if (trouble === "waits") throw new RetryAfterError(5_000 + world.random.below(4) * 3_000);
      if (trouble !== "depends") throw new Error("as planned");
      await ctx.dependency("api").call(() => Promise.reject(new Error("as planned")));
    }
    for (let n = 0; n < plan.emits; n++) ctx.emit(Answered, { cause: id });
  };
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
