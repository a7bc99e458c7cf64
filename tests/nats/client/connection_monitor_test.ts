import assert from "node:assert/strict";
import type { Status } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { connectNats } from "../../../runtime/nats/client/connection.ts";
import { ConnectionMonitor } from "../../../runtime/nats/client/connection_monitor.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { TestClock } from "../../../runtime/testing/test_clock.ts";
import { eventually } from "../../support/eventually.ts";
import { startTcpProxy } from "../../support/tcp_proxy.ts";

/** A monitor of a connection that answers pings, and changes its status, when the test says so. */
function setup() {
  const clock = new TestClock();
  const unanswered: PromiseWithResolvers<void>[] = [];
  let pings = 0;
  const statuses = new TransformStream<Status>(), writer = statuses.writable.getWriter();
  const monitor = new ConnectionMonitor({
    flush: () => {
      pings++;
      unanswered.push(Promise.withResolvers<void>());
      return unanswered.at(-1)!.promise;
    },
    getServer: () => "nats:4222",
    isClosed: () => false,
    status: () => statuses.readable[Symbol.asyncIterator]() as AsyncIterableIterator<Status>,
  }, clock);
  const settle = async (end: "resolve" | "reject") => {
    unanswered.shift()![end]();
    await Promise.resolve();
  };
  const status = async (type: "disconnect" | "reconnect") => {
    await writer.write({ type, server: "nats:4222" });
    await new Promise((resolve) => setTimeout(resolve)); // the monitor reads it
  };
  return { clock, monitor, pings: () => pings, answer: () => settle("resolve"), fail: () => settle("reject"), status };
}

Deno.test("ConnectionMonitor pings every two seconds, and has no problem while the server answers", async () => {
  const { clock, monitor, answer, pings } = setup();
  monitor.start();
  for (let n = 1; n <= 5; n++) {
    assert.equal(pings(), n);
    await answer();
    clock.move(2_000);
    assert.equal(monitor.problem(), undefined);
  }
});

Deno.test("ConnectionMonitor has a problem once a ping is unanswered for four seconds, and sends no second one", async () => {
  const { clock, monitor, answer, pings } = setup();
  monitor.start();
  clock.move(3_999);
  assert.equal(monitor.problem(), undefined);
  clock.move(1);
  assert.equal(monitor.problem(), "nats:4222 has not answered for 4 s");
  clock.move(60_000);
  assert.equal(monitor.problem(), "nats:4222 has not answered for 64 s");
  assert.equal(pings(), 1);
  await answer();
  assert.equal(monitor.problem(), undefined);
});

Deno.test("ConnectionMonitor has a problem from a disconnect to the reconnect", async () => {
  const { clock, monitor, fail, pings, status } = setup();
  monitor.start();
  await status("disconnect");
  await fail();
  assert.equal(monitor.problem(), "disconnected from nats:4222");
  clock.move(10_000);
  assert.equal(pings(), 1);
  await status("reconnect");
  assert.equal(monitor.problem(), undefined);
  clock.move(2_000);
  assert.equal(pings(), 2);
});

Deno.test("ConnectionMonitor ignores the answer to a ping of the connection before", async () => {
  const { clock, monitor, fail, status } = setup();
  monitor.start();
  await status("disconnect");
  await status("reconnect");
  clock.move(2_000); // the second ping
  await fail(); // the first one
  clock.move(4_000);
  assert.equal(monitor.problem(), "nats:4222 has not answered for 4 s");
});

Deno.test("ConnectionMonitor sends no ping after it was stopped", async () => {
  const { clock, monitor, answer, pings } = setup();
  monitor.start();
  await answer();
  monitor.stop();
  clock.move(10_000);
  assert.equal(pings(), 1);
});

Deno.test("ConnectionMonitor is not responsive from a missed answer until the server answers a ping", async () => {
  const { clock, monitor, answer } = setup();
  let answers = 0;
  monitor.onAnswer(() => answers++);
  assert.deepEqual([monitor.responsive, monitor.silentMs()], [true, 0]);
  const sentAtMs = clock.now();
  clock.move(2_000);
  monitor.missedAnswer(sentAtMs);
  assert.deepEqual([monitor.responsive, monitor.silentMs()], [false, 2_000]);
  assert.match(monitor.silence(), /^NATS at nats:4222 does not answer for 2\.0 s/);
  monitor.answered(); // to an older message
  assert.deepEqual([monitor.responsive, monitor.silentMs()], [false, 0]);
  await answer();
  assert.deepEqual([monitor.responsive, monitor.silentMs(), answers], [true, 0, 1]);
});

Deno.test("ConnectionMonitor tells all listeners of each disconnect and reconnect, until the connection is closed", async () => {
  await using server = await startServer();
  await using proxy = startTcpProxy(server.port);
  const nc = await connectNats({ servers: [proxy.url], name: "test" });
  const monitor = new ConnectionMonitor(nc, systemClock);
  const events: string[] = [];
  const downMs: number[] = [];
  monitor.onDisconnect((where) => events.push(`disconnected ${where}`));
  monitor.onReconnect(() => events.push("reconnected"));
  monitor.onReconnect((ms) => downMs.push(ms));
  for (let cuts = 1; cuts <= 2; cuts++) {
    proxy.cut();
    await eventually(() => downMs.length === cuts);
  }
  const where = proxy.url.replace("nats://", "");
  assert.deepEqual(events, [`disconnected ${where}`, "reconnected", `disconnected ${where}`, "reconnected"]);
  assert.ok(downMs.every((ms) => ms >= 0));
  await nc.close();
  await monitor.closed;
});

Deno.test("ConnectionMonitor calls the other listeners, and goes on, when one throws", async () => {
  const { monitor, status } = setup(), errors: unknown[] = [];
  let reconnects = 0;
  const onError = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    errors.push(event.reason);
  };
  addEventListener("unhandledrejection", onError);
  try {
    const defect = new Error("a defect");
    monitor.onReconnect(() => {
      throw defect;
    });
    monitor.onReconnect(() => void reconnects++);
    for (let n = 1; n <= 2; n++) {
      await status("disconnect");
      assert.equal(monitor.responsive, false);
      await status("reconnect");
      assert.deepEqual([monitor.responsive, reconnects], [true, n]);
    }
    assert.deepEqual(errors, [defect, defect]);
  } finally {
    removeEventListener("unhandledrejection", onError);
  }
});
