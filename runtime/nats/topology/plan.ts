import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Step } from "./step.ts";
import { withEvents } from "./impact.ts";
import { planOthers } from "./unused.ts";
import { type DesiredState, planTopology } from "./plan_topology.ts";

/**
 * What a start would do, with what it means to stored events, and what there is besides. Reads, and changes nothing.
 *
 * @param functionNames of the whole project, whatever of it is wanted here
 */
export async function planCluster(
  nc: NatsConnection,
  jsm: JetStreamManager,
  wanted: DesiredState,
  functionNames: readonly string[],
): Promise<Step[]> {
  const own = await Promise.all((await planTopology(jsm, wanted)).map((step) => withEvents(nc, jsm, step)));
  return [...own, ...await planOthers(nc, jsm, wanted, functionNames)];
}
