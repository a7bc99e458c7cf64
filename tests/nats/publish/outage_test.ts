import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import type { Clock } from "../../../runtime/engine/clock.ts";
import { withTimeout } from "../../../runtime/nats/client/with_timeout.ts";
import { type ManualClock, manualClock, scaledClock } from "../../support/clocks.ts";
import { eventually, WITHIN_MS } from "../../support/eventually.ts";
import { refusal, startStoring } from "../../support/storing.ts";
import { startTcpProxy } from "../../support/tcp_proxy.ts";

/** A clock at a fifth of the speed: a server on a loaded machine restarts in time. */
const SLOW = scaledClock(0.2);

/** Resolves once a connection has noticed that it is lost. */
async function disconnected(nc: NatsConnection): Promise<void> {
  for await (const { type } of nc.status()) if (type === "disconnect") return;
}

/** Advances by the poll interval of messages that wait for the connection. */
async function polled(clock: ManualClock): Promise<void> {
  await clock.timerSet(100);
  clock.advance(100);
}

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `order-${from + i}`);

Deno.test("JetStreamPublisher stores each message exactly once when the server restarts in between", async () => {
  await using bench = await startStoring(SLOW);
  const half = ids(0, 1_000).map((id) => bench.put(id));
  await half[0]; // the server is at work on them
  const restarting = bench.server.restart();
  const rest = ids(1_000, 2_000).map((id) => bench.put(id));
  await restarting;
  const sequences = new Set((await Promise.all([...half, ...rest])).map(({ sequence }) => sequence));
  assert.equal(sequences.size, 2_000);
  assert.equal((await bench.jsm.streams.info("ORDERS")).state.messages, 2_000);
});

Deno.test("JetStreamPublisher.failFast loses nothing when the server is killed and back within two seconds", async () => {
  await using bench = await startStoring(SLOW);
  const before = ids(0, 100).map((id) => bench.put(id, "orders.created", bench.publisher.failFast));
  await before[0];
  await bench.server.kill();
  const during = ids(100, 200).map((id) => bench.put(id, "orders.created", bench.publisher.failFast));
  await bench.server.restart();
  const stored = await Promise.all([...before, ...during]);
  assert.equal(new Set(stored.map(({ sequence }) => sequence)).size, 200);
  assert.equal((await bench.jsm.streams.info("ORDERS")).state.messages, 200);
});

Deno.test("JetStreamPublisher.failFast fails after three seconds without a server, and from then on at once", async () => {
  const clock = manualClock();
  await using bench = await startStoring(clock);
  const lost = disconnected(bench.nc);
  await bench.server.kill();
  await lost;
  const patient = bench.put("order-1");
  let learnt = false;
  const refused = refusal(bench.put("order-2", "orders.created", bench.publisher.failFast)).finally(() =>
    learnt = true
  );
  for (let passedMs = 0; passedMs < 2_900; passedMs += 100) await polled(clock);
  assert.equal(learnt, false);
  await polled(clock);
  const first = await refused;
  assert.equal(first.code, "unavailable");
  assert.match(
    first.message,
    /^"orders\.created" is not known to be stored: NATS at 127\.0\.0\.1:\d+ is not connected for 3\.0 s: see/,
  );
  assert.match(bench.publisher.outage()!.message, /is not connected/);
  await refusal(bench.put("order-3", "orders.created", bench.publisher.failFast)); // the clock stands still
  await bench.server.restart();
  assert.deepEqual(await patient, { stream: "ORDERS", sequence: 1, duplicate: false });
  assert.equal(bench.publisher.outage(), undefined);
});

/** A publisher that is connected through a proxy. */
async function startProxied(clock: Clock = systemClock) {
  const proxies: ReturnType<typeof startTcpProxy>[] = [];
  const via = (port: number) => {
    proxies.push(startTcpProxy(port));
    return proxies[0].url;
  };
  const bench = await startStoring(clock, { via });
  bench.defer(() => proxies[0][Symbol.asyncDispose]());
  return { ...bench, proxy: proxies[0] };
}

Deno.test("JetStreamPublisher sends unanswered messages again at the reconnect", async () => {
  const never = () => () => {};
  const impatient = {
    ...systemClock,
    timer: (ms: number, call: () => void) => (ms < 2_000 ? systemClock.timer : never)(ms, call),
  };
  await using bench = await startProxied(impatient); // no try runs out: only the reconnect can send again
  await bench.put("order-0");
  bench.proxy.pause();
  const { outMsgs: sent } = bench.publisher.nc.stats();
  const storing = bench.put("order-1");
  await eventually(() => bench.publisher.nc.stats().outMsgs === sent + 1);
  bench.proxy.cut();
  bench.proxy.resume();
  assert.deepEqual(await withTimeout(systemClock, WITHIN_MS, storing), {
    stream: "ORDERS",
    sequence: 2,
    duplicate: false,
  });
});

Deno.test("JetStreamPublisher sends nothing to a server that hangs, and everything once when it goes on", async () => {
  await using bench = await startProxied();
  const { proxy } = bench;
  await bench.put("order-0");
  proxy.pause();
  const { nc } = bench.publisher, before = nc.stats().outMsgs;
  const patient = ids(1, 50).map((id) => bench.put(id));
  const hurried = refusal(bench.put("order-50", "orders.created", bench.publisher.failFast));
  await eventually(() => nc.stats().outMsgs >= before + 50);
  const sent = nc.stats().outMsgs;
  const error = await hurried;
  assert.equal(error.code, "unavailable");
  assert.match(error.message, /does not answer for \d+\.\d s/);
  assert.match(bench.publisher.outage()!.message, /does not answer/);
  assert.equal(nc.stats().outMsgs, sent, "it sent again what was not read");
  proxy.resume();
  const stored = await Promise.all(patient);
  assert.equal(new Set(stored.map(({ sequence }) => sequence)).size, 49);
  assert.equal(bench.publisher.outage(), undefined);
  await eventually(async () => (await bench.jsm.streams.info("ORDERS")).state.messages === 51);
});
