import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { withEventImpact } from "./event_impact.ts";
import { planTopology } from "./plan.ts";
import { planUndeclared } from "./plan_undeclared.ts";
import type { DesiredState } from "./resources.ts";
import type { Scope, Step } from "./step.ts";

/**
 * Returns the plan that people read: the steps of `apply` or of a start, their effect on stored events, and what else
 * the cluster holds. Changes nothing.
 *
 * @param functionNames The functions of the whole project, also those that this process does not run.
 * @param scope Default: `apply`.
 */
export async function planCluster(
  nc: NatsConnection,
  jsm: JetStreamManager,
  desired: DesiredState,
  functionNames: readonly string[],
  scope: Scope = "apply",
): Promise<Step[]> {
  const own = await Promise.all(
    (await planTopology(jsm, desired, scope)).map((step) => withEventImpact(nc, jsm, step)),
  );
  return [...own, ...await planUndeclared(nc, jsm, desired, functionNames)];
}
