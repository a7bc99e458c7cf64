import { connect } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { audit, createStream } from "./backlog.ts";
import { benchPath, Helper } from "./process.ts";

Deno.test("publisher.ts keeps its rate and stores every order once, as audit confirms", async () => {
  await using server = await startServer();
  const nc = await connect({ servers: server.url });
  await createStream(nc);
  const beganMs = performance.now();
  {
    const task = JSON.stringify({ url: server.url, perSecond: 500, events: 100 });
    await using publisher = new Helper("the publisher", ["-A", benchPath("contestants/publisher.ts"), task]);
    assert.ok((await publisher.waitForLine<{ lateMicros: number }>("published")).lateMicros >= 0);
  }
  assert.ok(performance.now() - beganMs >= 198); // 99 intervals of two milliseconds
  assert.deepEqual(await audit(nc, 100), { lost: 0, repeated: 0 });
  assert.deepEqual(await audit(nc, 103), { lost: 3, repeated: 0 });
  await nc.close();
});
