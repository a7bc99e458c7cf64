import assert from "node:assert/strict";
import { StoredEvents } from "../../runtime/console/stored_events.ts";
import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import type { Registry } from "../../runtime/project/registry.ts";
import { desired } from "../support/desired.ts";
import { startBroker } from "../support/nats.ts";

Deno.test("StoredEvents.recent names a stream that it cannot read, and lists the events of the others", async () => {
  await using broker = await startBroker();
  const stream = { name: "ORDERS", subjects: ["orders.>"] };
  await ensureTopology(broker.jsm, desired([stream], []));
  await broker.nc.request("orders.created", "{}");
  const registry = { streams: [stream], foreignStreams: ["LEGACY"], functions: [] } as unknown as Registry;
  const { events, unread } = await new StoredEvents(registry, { ...broker, names: NO_NAMESPACE })
    .recent(undefined, 10);
  assert.deepEqual(events.map(({ type }) => type), ["orders.created"]);
  assert.deepEqual(unread, ["LEGACY: stream not found (code: 10059)"]);
});
