import assert from "node:assert/strict";
import { Kvm } from "@nats-io/kv";
import type { SharedState } from "../../../runtime/core/shared_breaker.ts";
import type { ServerClock } from "../../../runtime/engine/clock.ts";
import { SharedBreaker } from "../../../runtime/engine/shared_breaker.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { ServerTime } from "../../../runtime/nats/client/server_time.ts";
import { ensureBucket } from "../../../runtime/nats/kv/bucket.ts";
import { NatsBreakerStore } from "../../../runtime/nats/kv/nats_breaker_store.ts";
import { BREAKERS } from "../../../runtime/nats/kv/resources.ts";
import { eventually } from "../../support/eventually.ts";
import { BREAKER, NO_SPAN } from "../../support/invocation.ts";
import { startBroker } from "../../support/nats.ts";
import { setClock } from "../../support/skewed_date.ts";
import { startTcpProxy } from "../../support/tcp_proxy.ts";

const OPEN: SharedState = { kind: "open", generation: 3 }, KEY = "dependency.Payments", HOUR_MS = 3_600_000;

/** Starts a server with the bucket, and the stores of two processes. */
async function setup() {
  const broker = await startBroker();
  await ensureBucket(broker.jsm, BREAKERS, 1);
  const open = async (url?: string) => new NatsBreakerStore(await broker.connect(url), 1);
  const share = (store: NatsBreakerStore, clock: ServerClock = systemClock, openForMs = HOUR_MS) => {
    const policy = { ...BREAKER, consecutiveFailures: 1, openForMs, shared: true };
    const breaker = new SharedBreaker("Payments", "dependency", policy, clock, () => {}, {
      store,
      reportProblem: () => {},
    });
    broker.defer(() => breaker.close());
    return breaker;
  };
  return { ...broker, open, share, first: await open(), second: await open() };
}

async function fail(breaker: SharedBreaker): Promise<void> {
  const answer = await breaker.acquire(NO_SPAN);
  if (answer.admitted) answer.report("failure");
  await breaker.synced();
}

Deno.test("NatsBreakerStore writes a state at the revision that was read, and refuses any other", async () => {
  await using broker = await setup();
  const { first, second } = broker;
  assert.deepEqual(await first.read(KEY), { state: undefined, revision: 0, storedAtMs: 0 });
  const revision = await first.write(KEY, OPEN, 0, HOUR_MS);
  assert.equal(await second.write(KEY, OPEN, 0, HOUR_MS), undefined);
  assert.partialDeepStrictEqual(await second.read(KEY), { state: OPEN, revision });
  assert.ok(await second.write(KEY, { kind: "half-open", generation: 4, by: "me" }, revision!, HOUR_MS));
  assert.equal((await first.read("function.ship")).revision, 0);
});

Deno.test("NatsBreakerStore lets the server remove a state after its time to live", async () => {
  await using broker = await setup();
  await broker.first.write(KEY, OPEN, 0, 1);
  await eventually(async () => (await broker.first.read(KEY)).revision === 0);
});

Deno.test("NatsBreakerStore reads a key that was deleted, or is no state, as none, and replaces it", async () => {
  await using broker = await setup();
  const bucket = await new Kvm(broker.nc).open("weir_breakers");
  for (
    const change of [() => bucket.put(KEY, "no JSON"), () => bucket.put(KEY, '{"kind":7}'), () => bucket.delete(KEY)]
  ) {
    await change();
    const { state, revision } = await broker.first.read(KEY);
    assert.equal(state, undefined);
    assert.ok(await broker.first.write(KEY, OPEN, revision, HOUR_MS));
  }
});

Deno.test("NatsBreakerStore fails while its bucket is missing, says so, and creates it", async () => {
  await using broker = await setup();
  await broker.jsm.streams.delete("KV_weir_breakers");
  await assert.rejects(broker.first.write(KEY, OPEN, 0, HOUR_MS), {
    message: "bucket weir_breakers: it is missing, or has no leader",
  });
  await eventually(async () => await broker.second.write(KEY, OPEN, 0, HOUR_MS).catch(() => undefined));
});

Deno.test("NatsBreakerStore takes a notice that is none for nothing", async () => {
  await using broker = await setup();
  const breaker = broker.share(broker.first);
  for (const text of ["", "null", "[]", '{"key":7}', '{"key":"dependency.Other","revision":1}']) {
    broker.nc.publish("$WEIR.breakers", text);
  }
  broker.nc.publish("$WEIR.breakers", JSON.stringify({ key: KEY, revision: "later" }));
  await broker.nc.flush();
  await fail(broker.share(broker.second));
  await eventually(() => breaker.state.kind === "open");
});

Deno.test("SharedBreaker on NATS opens in a process that lost its connection meanwhile, once that is back", async () => {
  await using broker = await setup();
  await using proxy = startTcpProxy(Number(new URL(broker.server.url).port));
  const away = await broker.open(proxy.url), breaker = broker.share(away);
  await breaker.synced();
  proxy.pause();
  await fail(broker.share(broker.first));
  proxy.cut();
  proxy.resume();
  assert.equal(breaker.state.kind, "closed");
  // As after each reconnect, and after each check of the topology that finds the bucket changed.
  await eventually(() => {
    away.changed();
    return breaker.state.kind === "open";
  });
});

Deno.test("NatsBreakerStore.found makes up for a lost notice, and reads nothing while the bucket is as it was", async () => {
  await using broker = await setup();
  const breaker = broker.share(broker.first), info = () => broker.jsm.streams.info("KV_weir_breakers");
  await breaker.synced();
  broker.first.found(await info());
  await breaker.synced();
  await broker.jsm.jetstream().publish(`$KV.weir_breakers.${KEY}`, JSON.stringify(OPEN)); // without a notice
  broker.first.found(await info());
  await breaker.synced();
  assert.equal(breaker.state.kind, "open");
});

Deno.test("SharedBreaker on NATS goes on after its bucket was deleted and made again", async () => {
  await using broker = await setup();
  const [one, other] = [broker.share(broker.first, systemClock, 1), broker.share(broker.second, systemClock, 1)];
  await fail(one);
  await broker.jsm.streams.delete("KV_weir_breakers");
  await fail(one); // its probe
  assert.match(one.problem()!, /: bucket weir_breakers: /);
  await eventually(() => one.problem() === undefined);
  const probe = await one.acquire(NO_SPAN);
  assert.ok(probe.admitted);
  probe.report("success");
  await eventually(() => one.state.kind === "closed" && other.state.kind === "closed");
});

for (const offByMs of [-HOUR_MS, HOUR_MS]) {
  Deno.test(`SharedBreaker on a host whose clock is ${offByMs / HOUR_MS} h off is open for the time that the server's clock says`, async () => {
    await using broker = await setup();
    using _ = setClock(offByMs);
    const clock = new ServerTime(broker.jsm, "KV_weir_breakers", systemClock);
    await clock.read();
    await fail(broker.share(broker.first));
    const breaker = broker.share(broker.second, clock);
    await eventually(() => breaker.state.kind === "open");
    const leftMs = breaker.admitsAgainAtMs()! - clock.now();
    assert.ok(leftMs > HOUR_MS / 2 && leftMs <= HOUR_MS, `it is open for another ${leftMs} ms`);
  });
}
