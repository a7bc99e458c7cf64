import assert from "node:assert/strict";
import type { ConsumerConfig } from "@nats-io/jetstream";
import { ORDER_GROUP, PIN_MS } from "../../../runtime/nats/consume/pin_timing.ts";
import { priorityChanges, prioritySettings } from "../../../runtime/nats/topology/priority.ts";
import type { Scope } from "../../../runtime/nats/topology/step.ts";
import { startPlanning } from "../../support/planning.ts";
import { desired } from "../../support/desired.ts";

const OWN = { priority_groups: [ORDER_GROUP], priority_policy: "pinned_client", priority_timeout: PIN_MS * 1e6 };
const OTHER = { priority_groups: ["one"], priority_policy: "overflow" };
const ALL = ["priority_groups", "priority_policy", "priority_timeout"];

const CHANGES:
  readonly (readonly [title: string, isPinned: boolean, config: object, Scope, changed: readonly string[]])[] = [
    ["sets them of a function with `order`", true, {}, "start", ALL],
    ["leaves them as they are", true, OWN, "apply", []],
    ["replaces those of another client", true, OTHER, "start", ALL],
    ["leaves a consumer without any", false, {}, "apply", []],
    ["leaves the pin of a function whose `order` is gone at a start", false, OWN, "start", []],
    ["leaves it while a process runs", false, OWN, "running", []],
    ["removes it by `apply`", false, OWN, "apply", ALL],
    ["removes those of another client", false, OTHER, "start", ["priority_groups", "priority_policy"]],
  ];
for (const [title, isPinned, config, scope, changed] of CHANGES) {
  Deno.test(`priorityChanges ${title}`, () => {
    const durable = isPinned ? { isPinned } as const : {};
    assert.deepEqual(priorityChanges(durable, config as ConsumerConfig, scope).map(({ field }) => field), changed);
  });
}

Deno.test("prioritySettings are those of the server for one process at a time, or none", () => {
  assert.deepEqual([prioritySettings({ isPinned: true }), prioritySettings({})], [OWN, {}]);
});

Deno.test("ensureTopology sets the pin of a consumer that exists, and applyTopology removes it, while events wait", async () => {
  await using broker = await startPlanning();
  const streams = [{ name: "ORDERS", subjects: ["orders.>"] }];
  const ship = { functionName: "ship", consumer: "ship", stream: "ORDERS", filters: ["orders.paid"] };
  const settings = async () => {
    const { config, num_pending } = await broker.jsm.consumers.info("ORDERS", "ship");
    return [config.priority_policy, config.priority_groups, num_pending];
  };
  await broker.ensure(desired(streams, [ship]));
  await broker.store("orders.paid", 3);
  await broker.ensure(desired(streams, [{ ...ship, isPinned: true }]));
  assert.deepEqual(await settings(), ["pinned_client", [ORDER_GROUP], 3]);
  await broker.ensure(desired(streams, [ship]));
  const [policy, , pending] = await settings();
  assert.deepEqual([policy ?? "none", pending], ["none", 3]);
});
