import { connect } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { audit, freshStream } from "./backlog.ts";
import { beside, Helper } from "./process.ts";

Deno.test("the publisher takes the time that its rate asks for, stores every order once, and the audit says so", async () => {
  await using server = await startServer();
  const nc = await connect({ servers: server.url });
  await freshStream(nc);
  const beganMs = performance.now();
  {
    const task = JSON.stringify({ url: server.url, perSecond: 500, events: 100 });
    await using publisher = new Helper("the publisher", ["-A", beside("contestants/publisher.ts"), task]);
    assert.ok((await publisher.told<{ lateMicros: number }>("published")).lateMicros >= 0);
  }
  assert.ok(performance.now() - beganMs >= 198); // 99 times two milliseconds lie between the first and the last
  assert.deepEqual(await audit(nc, 100), { lost: 0, repeated: 0 });
  assert.deepEqual(await audit(nc, 103), { lost: 3, repeated: 0 });
  await nc.close();
});
