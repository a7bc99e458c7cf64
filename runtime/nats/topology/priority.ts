import type { ConsumerConfig, ConsumerInfo, PriorityPolicy } from "@nats-io/jetstream";
import { ORDER_GROUP, PIN_MS } from "../consume/pin_timing.ts";
import type { Durable } from "./resources.ts";
import type { Change, Scope } from "./step.ts";

const FIELDS = ["priority_groups", "priority_policy", "priority_timeout"] as const;
/** Settings of a consumer that delivers to one process at a time. */
const PINNED = {
  priority_groups: [ORDER_GROUP],
  priority_policy: "pinned_client" as PriorityPolicy, // the client exports the names as a type alone
  priority_timeout: PIN_MS * 1e6,
} as const;

/** Returns the settings of a new consumer that concern priority groups. */
export function prioritySettings({ isPinned }: Pick<Durable, "isPinned">): Partial<ConsumerConfig> {
  return isPinned ? { ...PINNED, priority_groups: [...PINNED.priority_groups] } : {};
}

/**
 * Returns the changes to the priority groups of a consumer. Only `apply` removes the pin of a function that no longer
 * has `order`: a process of an earlier release may need it until then.
 */
export function priorityChanges(
  { isPinned }: Pick<Durable, "isPinned">,
  config: ConsumerConfig,
  scope: Scope,
): Change[] {
  if (isPinned) {
    return FIELDS.map((field) => ({ field, from: config[field], to: PINNED[field] }))
      .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
  }
  if (isPinnedByOrder(config) && scope !== "apply") return [];
  return FIELDS.filter((field) => isSet(config[field])).map((field) => ({ field, from: config[field], to: null }));
}

/**
 * Returns why a number of events on a consumer cannot be moved to another one, and what to do: a moved event comes by
 * RETRIES, beside later ones of its key. Undefined if the function has no `order`.
 */
export function orderProblem(
  { config, stream_name: stream }: ConsumerInfo,
  functionName: string,
  events: number,
): string | undefined {
  if (events === 0 || !isPinnedByOrder(config)) return undefined;
  return `${events} ${
    events === 1 ? "event" : "events"
  } of ${functionName} on ${stream} would lose the order of their ` +
    "keys: let its processes handle them first, or give the order up: remove `order` and run `deno task apply`";
}

function isPinnedByOrder({ priority_policy, priority_groups }: ConsumerConfig): boolean {
  return priority_policy === PINNED.priority_policy && priority_groups?.[0] === ORDER_GROUP;
}

function isSet(value: ConsumerConfig[typeof FIELDS[number]]): boolean {
  return typeof value === "number" ? value > 0 : value !== undefined && value.length > 0 && value !== "none";
}
