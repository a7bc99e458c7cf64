import assert from "node:assert/strict";
import { scaledClock, watchedClock } from "../../support/clocks.ts";
import { eventually } from "../../support/eventually.ts";
import { rejected, type Settling, startSettling } from "../../support/settling.ts";

/** Collects the advisories of terminated messages, with the number of dead letters at that time. */
async function terminations(orders: Settling) {
  const seen: { reason: string; deadLetters: number }[] = [];
  orders.nc.subscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.ORDERS.handle", {
    callback: (_, msg) => {
      const { reason } = msg.json<{ reason: string }>();
      void orders.jsm.streams.info("DEAD_LETTERS").then(({ state }) =>
        seen.push({ reason, deadLetters: state.messages })
      );
    },
  });
  await orders.nc.flush();
  return seen;
}

Deno.test("[G2] NatsSettler stores a dead letter, and then terminates the original with the reason", async () => {
  await using orders = await startSettling();
  const terminated = await terminations(orders);
  await orders.publish(1);
  assert.deepEqual(await orders.settler.settle("handle", await orders.next(), rejected("no")), { ok: true });
  await eventually(() => terminated.length === 1);
  assert.deepEqual(terminated, [{ reason: "weir: rejected", deadLetters: 1 }]);
  assert.equal((await orders.consumer()).num_ack_pending, 0);
});

Deno.test("NatsSettler holds the original while dead letters cannot be stored, and retries", async () => {
  const clock = watchedClock();
  await using orders = await startSettling(clock);
  const terminated = await terminations(orders);
  await orders.jsm.streams.delete("DEAD_LETTERS");
  await orders.publish(1);
  let settled = false;
  const result = orders.settler.settle("handle", await orders.next(), rejected("no"));
  const settling = Promise.resolve(result).finally(() => settled = true);
  await clock.timerSet(50); // the delay after the first try
  await clock.timerSet(100); // the delay after the second
  await orders.nc.flush();
  assert.equal(settled, false);
  assert.deepEqual(terminated, []);
  assert.equal((await orders.consumer()).num_ack_pending, 1);

  await orders.ensure();
  assert.deepEqual(await settling, { ok: true });
  await eventually(() => terminated.length === 1);
  assert.deepEqual(terminated, [{ reason: "weir: rejected", deadLetters: 1 }]);
});

Deno.test("NatsSettler.giveUp ends the retries of a dead letter, and leaves the original to JetStream", async () => {
  const clock = watchedClock(scaledClock(40));
  await using orders = await startSettling(clock);
  await orders.jsm.streams.delete("DEAD_LETTERS");
  await orders.publish(1);
  const settling = orders.settler.settle("handle", await orders.next(), rejected("no"));
  await clock.timerSet(50);
  orders.settler.giveUp();
  const settled = await settling;
  assert.equal(settled.ok, false);
  assert.match(String(settled.ok ? "" : settled.error), /no stream stores "dead_letters\.handle\.orders\.created"/);
  await orders.nc.flush();
  assert.equal((await orders.consumer()).num_ack_pending, 1);
});

Deno.test("[G6] NatsSettler stores a dead letter of the largest event that the ingress takes, with a long error", async () => {
  await using orders = await startSettling();
  const reserved = 4_096; // for headers, by the ingress
  const size = orders.nc.info!.max_payload - reserved;
  orders.nc.publish("orders.created", new Uint8Array(size));
  const outcome = rejected("🚂".repeat(2_000));
  assert.deepEqual(await orders.settler.settle("handle", await orders.next(), outcome), { ok: true });
  assert.equal((await orders.jsm.streams.getMessage("DEAD_LETTERS", { seq: 1 }))?.data.length, size);
});
