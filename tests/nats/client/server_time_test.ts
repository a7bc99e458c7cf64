import assert from "node:assert/strict";
import type { JetStreamManager } from "@nats-io/jetstream";
import { ServerTime } from "../../../runtime/nats/client/server_time.ts";
import { startBroker } from "../../support/nats.ts";
import { manualClock } from "../../support/clocks.ts";
import { rightNow, setClock } from "../../support/skewed_date.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";

Deno.test("ServerTime tells a real server's time on a host whose clock is set while it runs", async () => {
  await using broker = await startBroker();
  await broker.jsm.streams.add({ name: "RETRIES", subjects: ["retries.>"] });
  const time = new ServerTime(broker.jsm, "RETRIES", systemClock);
  assert.equal(time.aheadMs(), undefined);
  await time.read();
  for (const offByMs of [0, 60_000, -3_600_000]) {
    using _ = setClock(offByMs);
    assert.ok(Math.abs(time.serverNow() - rightNow()) < 1_000);
    assert.ok(Math.abs(time.aheadMs()! + offByMs) < 1_000);
  }
});

Deno.test("ServerTime keeps what it knows while no server answers, and follows a server's clock that is set", async () => {
  const clock = manualClock();
  let answer: { ts: string } | undefined;
  const info = () => answer ? Promise.resolve(answer) : Promise.reject(new Error("timeout"));
  const jsm = { streams: { info } } as unknown as Pick<JetStreamManager, "streams">;
  const time = new ServerTime(jsm, "RETRIES", clock);
  await time.start();
  assert.equal(time.serverNow(), clock.serverNow());
  const next = async (offByMs: number | undefined) => {
    answer = offByMs === undefined ? undefined : { ts: new Date(clock.now() + offByMs).toISOString() };
    clock.advance(30_000);
    await clock.timerSet(30_000);
    return time.aheadMs();
  };
  await clock.timerSet(30_000);
  for (const [offByMs, aheadMs] of [[undefined, undefined], [60_000, 30_000], [undefined, 30_000], [-5_000, -35_000]]) {
    const ahead = await next(offByMs);
    assert.ok(
      aheadMs === undefined ? ahead === undefined : Math.abs(ahead! - aheadMs) <= 1,
      `${ahead} instead of ${aheadMs}`,
    );
  }
  time.stop();
});
