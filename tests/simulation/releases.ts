import type { ConsumerConfig } from "@nats-io/jetstream";
import { ACK_WAIT_MS } from "../../runtime/nats/consume/ack_wait.ts";
import { durablesOf } from "../../runtime/nats/consume/resources.ts";
import { planConsumer } from "../../runtime/nats/topology/plan_consumer.ts";
import type { Scope } from "../../runtime/nats/topology/step.ts";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";

/** Returns the filters of the consumer after a replica of a release has started. */
export function filtersAfterStart(
  fn: ResolvedFunction,
  filters: readonly string[],
  scope: Scope = "start",
): readonly string[] {
  const settings = { ack_policy: "explicit", ack_wait: ACK_WAIT_MS * 1e6, max_deliver: -1 };
  const config = { ...settings, filter_subjects: [...filters] } as ConsumerConfig;
  const step = planConsumer(durablesOf([fn])[0], config, undefined, scope);
  const change = step.kind === "update" && step.changes.find(({ field }) => field === "filter_subjects");
  return change ? change.to as string[] : filters;
}
