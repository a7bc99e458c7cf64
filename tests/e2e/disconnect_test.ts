import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { testsAtOnce } from "../support/at_once.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { eventually, WITHIN_MS } from "../support/eventually.ts";

const test = testsAtOnce("a runtime goes on after a lost connection", 3);

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

async function settled(adminUrl: string): Promise<void> {
  await eventually(async () => {
    const [{ pending, ackPending }] = await (await fetch(`${adminUrl}/functions`)).json();
    return pending === 0 && ackPending === 0;
  });
}

test("[G4] NatsSettler acks an event that was handled while NATS was down after the reconnect, without a second run", async () => {
  await using server = await startServer();
  let runs = 0;
  const running = Promise.withResolvers<void>(), goOn = Promise.withResolvers<void>();
  const slow = defineFunction({ on: Asked, retry: { attempts: 1 } }, async () => {
    runs++;
    running.resolve();
    await goOn.promise;
  });
  await using runtime = await startTestRuntime({ functions: { slow }, server });
  await runtime.publish(Asked, { n: 1 });
  await running.promise;
  Deno.kill(server.pid, "SIGTERM"); // a crash may forget the delivery, and the handler then runs again
  await server.ended;
  goOn.resolve();
  await unhealthy(runtime.adminUrl);
  await server.restart();
  await settled(runtime.adminUrl);
  assert.equal(runs, 1);
});

async function unhealthy(adminUrl: string): Promise<void> {
  await eventually(async () => (await (await fetch(`${adminUrl}/health`)).json()).status !== "OK");
}

test("Dispatcher runs the handler once when an event is redelivered during its run", async () => {
  await using server = await startServer();
  await using proxy = startTcpProxy(server.port);
  let runs = 0;
  const running = Promise.withResolvers<void>(), goOn = Promise.withResolvers<void>();
  const long = defineFunction({ on: Asked, timeout: "1m" }, async () => {
    runs++;
    running.resolve();
    await goOn.promise;
  });
  await using runtime = await startTestRuntime({ functions: { long }, server, env: { NATS_URL: proxy.url } });
  using _ = { [Symbol.dispose]: () => (proxy.resume(), goOn.resolve()) }; // so that a failed test ends
  await runtime.publish(Asked, { n: 1 });
  await running.promise;
  proxy.pause();
  const nc = await connectNats({ servers: [server.url], name: "test" });
  // After fifteen seconds without an in-progress ack the server redelivers: to this test first, and then to the
  // runtime.
  const redelivered = await (await jetstream(nc).consumers.get("DEMO", "long")).next({ expires: WITHIN_MS });
  assert.equal(redelivered?.info.deliveryCount, 2);
  redelivered.nak();
  await nc.close();
  proxy.resume();
  await eventually(async () => (await (await fetch(`${runtime.adminUrl}/functions`)).json())[0].ackPending === 1);
  goOn.resolve();
  await settled(runtime.adminUrl);
  assert.equal(runs, 1);
});

test("[G17] retry.attempts does not count deliveries that never arrived", async () => {
  await using server = await startServer();
  await using proxy = startTcpProxy(server.port);
  const attempts: number[] = [];
  const handled = Promise.withResolvers<void>();
  const once = defineFunction({ on: Asked, retry: { attempts: 1 } }, (_event, { attempt }) => {
    attempts.push(attempt);
    handled.resolve();
  });
  await using runtime = await startTestRuntime({ functions: { once }, server, env: { NATS_URL: proxy.url } });
  await using publisher = await startTestRuntime({ functions: {}, schemas: [Asked], server });
  proxy.pause();
  await publisher.publish(Asked, { n: 1 });
  proxy.cut();
  proxy.resume();
  await handled.promise;
  await settled(runtime.adminUrl);
  assert.deepEqual(attempts, [1]);
});
