import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("from: new handles no stored event, also if its consumer is deleted while it runs or while none does", async () => {
  await using server = await startServer();
  const nc = await connectNats({ servers: [server.url], name: "test" }), jsm = await jetstreamManager(nc);
  const handled: number[] = [];
  const late = defineFunction({ on: Asked, from: "new" }, ({ data }) => void handled.push(data.n));
  const start = () => startTestRuntime({ functions: { late }, server });
  const settled = (sequence: number) =>
    eventually(async () => (await jsm.consumers.info("DEMO", "late")).ack_floor.stream_seq === sequence);
  {
    await using publisher = await startTestRuntime({ functions: {}, schemas: [Asked], server });
    for (const n of [1, 2]) await publisher.publish(Asked, { n });
  }
  {
    await using runtime = await start();
    await runtime.publish(Asked, { n: 3 });
    await settled(3);
    const { created } = await jsm.consumers.info("DEMO", "late");
    await jsm.consumers.delete("DEMO", "late");
    await eventually(async () => {
      const info = await jsm.consumers.info("DEMO", "late").catch(() => undefined);
      return info !== undefined && info.created !== created;
    });
    await runtime.publish(Asked, { n: 4 });
    await settled(4);
  }
  await jsm.consumers.delete("DEMO", "late");
  await using runtime = await start();
  await runtime.publish(Asked, { n: 5 });
  await settled(5);
  await nc.close();
  assert.deepEqual([...new Set(handled)].sort(), [3, 4, 5]);
});
