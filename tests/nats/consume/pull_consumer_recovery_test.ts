import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import type { Clock } from "../../../runtime/engine/clock.ts";
import { ConnectionMonitor } from "../../../runtime/nats/client/connection_monitor.ts";
import { PullConsumer } from "../../../runtime/nats/consume/pull_consumer.ts";
import { INFO_MS } from "../../../runtime/nats/consume/pull_timing.ts";
import { manualClock } from "../../support/clocks.ts";
import { eventually } from "../../support/eventually.ts";
import { type Orders, startOrders } from "../../support/orders.ts";
import { SettlingSink } from "../../support/sinks.ts";
import { startTcpProxy } from "../../support/tcp_proxy.ts";

/** A consumer that pulls on a connection, and the number of reconnects. */
function pullFrom(orders: Orders, nc: NatsConnection, clock: Clock = systemClock) {
  const sink = new SettlingSink(nc);
  const monitor = new ConnectionMonitor(nc, clock);
  const source = new PullConsumer(nc, "ORDERS", "handle", clock, () => {}, monitor);
  let reconnects = 0;
  monitor.onReconnect(() => reconnects++);
  orders.defer(async () => {
    await nc.close(); // first: with a clock that stands still a stop could wait for ever
    await source.stop();
  });
  source.start(sink);
  return { sink, source, reconnects: () => reconnects };
}

Deno.test("[G21] PullConsumer goes on after the server restarts", async () => {
  await using orders = await startOrders();
  const { sink, reconnects } = pullFrom(orders, orders.nc);
  await orders.publish(20);
  await sink.saw(20);
  await orders.server.restart();
  await eventually(() => reconnects() === 1);
  await orders.publish(20);
  await sink.saw(40);
});

Deno.test("PullConsumer delivers after a reconnect what was stored meanwhile", async () => {
  await using orders = await startOrders();
  await using proxy = startTcpProxy(orders.server.port);
  const { sink, reconnects } = pullFrom(orders, await orders.connect(proxy.url));
  await orders.publish(20);
  await sink.saw(20);
  for (let round = 1; round <= 3; round++) {
    proxy.cut();
    await orders.publish(20);
    await sink.saw(20 + round * 20);
    assert.equal(reconnects(), round);
  }
});

Deno.test("[G21] PullConsumer goes on after the consumer was deleted and created again", async () => {
  await using orders = await startOrders();
  const { sink } = pullFrom(orders, orders.nc);
  await orders.publish(5);
  await sink.saw(5);
  await orders.jsm.consumers.delete("ORDERS", "handle");
  await orders.ensure();
  await orders.publish(5);
  await sink.saw(10);
});

Deno.test("PullConsumer has a problem once its consumer is missing for five seconds, until it is back", async () => {
  await using orders = await startOrders();
  await orders.jsm.consumers.delete("ORDERS", "handle");
  const clock = manualClock();
  const { sink, source } = pullFrom(orders, orders.nc, clock);
  await clock.timerSet(50); // the first pull has failed: the next one is 50 ms away
  assert.equal(source.problem(), undefined);
  clock.advance(4_999);
  assert.equal(source.problem(), undefined);
  clock.advance(1);
  assert.equal(source.problem(), "pulling from ORDERS ended with status 503");

  await orders.ensure();
  await orders.publish(1);
  await eventually(() => {
    clock.advance(2_000);
    return sink.seen.size === 1;
  });
  assert.equal(source.problem(), undefined);
});

Deno.test("PullConsumer doubles the delay between failing pulls from 50 ms to two seconds", async () => {
  await using orders = await startOrders();
  await orders.jsm.consumers.delete("ORDERS", "handle");
  const clock = manualClock();
  pullFrom(orders, orders.nc, clock);
  for (const wait of [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]) {
    await clock.timerSet(wait);
    clock.advance(wait);
  }
});

Deno.test("PullConsumer pulls from a consumer that was missing as soon as that answers an info request", async () => {
  await using orders = await startOrders();
  await orders.jsm.consumers.delete("ORDERS", "handle");
  const clock = manualClock();
  const { sink } = pullFrom(orders, orders.nc, clock);
  for (const wait of [50, 100, 200, 400, 800, 1_600]) {
    await clock.timerSet(wait);
    clock.advance(wait);
  }
  await clock.timerSet(2_000);
  await orders.ensure();
  await orders.publish(1);
  clock.advance(INFO_MS.interval);
  await sink.saw(1);
});

Deno.test("[G21] PullConsumer gives each pull a reply subject of its own, so that a new leader ends each", async () => {
  await using orders = await startOrders();
  const replies: string[] = [];
  orders.nc.subscribe("$JS.API.CONSUMER.MSG.NEXT.ORDERS.handle", {
    callback: (_error, { reply }) => void replies.push(reply!),
  });
  const { sink } = pullFrom(orders, orders.nc);
  await orders.publish(20);
  await sink.saw(20);
  await eventually(() => replies.length > 1);
  assert.equal(new Set(replies).size, replies.length);
});

Deno.test("PullConsumer has a problem once its timers have not run for eight seconds", async () => {
  await using orders = await startOrders();
  let aheadMs = 0;
  const clock = { ...systemClock, now: () => Date.now() + aheadMs, timer: () => () => {} };
  const { source } = pullFrom(orders, orders.nc, clock);
  aheadMs = 7_000;
  assert.equal(source.problem(), undefined);
  aheadMs = 9_000;
  assert.match(source.problem()!, /^pulling from ORDERS has stood still for (9|10)\d{3} ms$/);
});

Deno.test("[G21] PullConsumer notices a silent server after two and a half seconds, and has a problem after five", async () => {
  await using orders = await startOrders();
  const clock = manualClock();
  const { source } = pullFrom(orders, orders.nc, clock);
  await eventually(async () => (await orders.consumer()).num_waiting === 1);
  await orders.server.kill();
  clock.advance(3_000); // of silence: heartbeats would have come every second
  clock.advance(5_000);
  assert.equal(source.problem(), "no heartbeat from the consumer on ORDERS for 2500 ms");
});

Deno.test("PullConsumer pulls from a silent consumer as soon as that answers an info request", async () => {
  await using orders = await startOrders();
  const clock = manualClock();
  const { sink, source } = pullFrom(orders, orders.nc, clock);
  await eventually(async () => (await orders.consumer()).num_waiting === 1);
  Deno.kill(orders.server.pid, "SIGSTOP");
  clock.advance(3_000); // of silence
  for (let requests = 1; requests < 4; requests++) clock.advance(INFO_MS.interval);
  Deno.kill(orders.server.pid, "SIGCONT");
  await orders.publish(1);
  await sink.saw(1); // the clock stands still: nothing but an answer can have led to a pull
  await eventually(async () => (await orders.consumer()).num_waiting === 1);
  assert.equal(source.problem(), undefined);
});

Deno.test("PullConsumer starts nothing when its last pull fails while it stops", async () => {
  await using orders = await startOrders();
  await orders.jsm.consumers.delete("ORDERS", "handle");
  const source = new PullConsumer(orders.nc, "ORDERS", "handle", systemClock);
  source.start(new SettlingSink(orders.nc));
  await Promise.resolve(); // by now it has pulled
  await source.stop(); // the answer comes meanwhile; a timer that is left fails the test
});
