import assert from "node:assert/strict";
import { Kvm } from "@nats-io/kv";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { DeliveryHistory } from "../../../runtime/core/delivery.ts";
import { HeaderList } from "../../../runtime/core/headers.ts";
import { NatsAttemptStore } from "../../../runtime/nats/retry/nats_attempt_store.ts";
import { historyIn, retryHeaders } from "../../../runtime/nats/retry/retry_headers.ts";
import type { Outcome } from "../../../runtime/core/outcome.ts";
import { startSettling } from "../../support/settling.ts";

function retry(delayMs: number, usesAttempt = true): Outcome {
  return { kind: "retry", delayMs, reason: usesAttempt ? "failed" : "shutdown", usesAttempt };
}

function history(headers: MsgHdrs): DeliveryHistory {
  return historyIn(new HeaderList([...headers].map(([name, [value]]) => [name, value])));
}

Deno.test("NatsAttemptStore has the counts of an event after each nak", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const counts: unknown[] = [];
  for (
    const [usesAttempt, usedUp] of [
      [true, { attempts: 1, excusedDeliveries: 0 }],
      [false, { attempts: 1, excusedDeliveries: 1 }],
      [true, { attempts: 2, excusedDeliveries: 1 }],
      [false, { attempts: 2, excusedDeliveries: 2 }],
    ] as const
  ) {
    const delivery = await orders.next();
    assert.deepEqual(await orders.settler.settle("handle", delivery, retry(1, usesAttempt), usedUp), { ok: true });
    counts.push(await orders.attempts.read("handle", delivery));
  }
  assert.deepEqual(counts, [
    { begun: 1, excused: 0, mayHaveEmitted: false },
    { begun: 1, excused: 1, mayHaveEmitted: false },
    { begun: 2, excused: 1, mayHaveEmitted: false },
    { begun: 2, excused: 2, mayHaveEmitted: false },
  ]);
});

Deno.test("NatsAttemptStore has an excused delivery after a nak before the handler", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  await orders.settler.settle("handle", delivery, retry(1, false), { attempts: 0, excusedDeliveries: 1 });
  assert.deepEqual(await orders.attempts.read("handle", delivery), { begun: 0, excused: 1, mayHaveEmitted: false });
});

Deno.test("NatsAttemptStore and RETRIES keep the count of deliveries that wait for another release", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const usedUp = { attempts: 0, excusedDeliveries: 9, otherReleaseDeliveries: 3 };
  const delivery = await orders.next(), newer = { ...retry(1, false), reason: "newer-version" } as Outcome;
  await orders.settler.settle("handle", delivery, newer, usedUp);
  const counts = { begun: 0, excused: 9, otherRelease: 3, mayHaveEmitted: false };
  assert.deepEqual(await orders.attempts.read("handle", delivery), counts);
  const { excusedDeliveries, otherReleaseDeliveries } = history(retryHeaders("handle", delivery, usedUp));
  assert.deepEqual({ excusedDeliveries, otherReleaseDeliveries }, { excusedDeliveries: 9, otherReleaseDeliveries: 3 });
});

Deno.test("NatsAttemptStore and RETRIES have no such count from an earlier release", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next(), bucket = await new Kvm(orders.nc).open("weir_attempts");
  await bucket.put(`handle.${delivery.messageKey}`, JSON.stringify({ begun: 0, free: 80, emitted: false }));
  const counts = await orders.attempts.read("handle", delivery);
  assert.deepEqual(counts, { begun: 0, excused: 80, mayHaveEmitted: false });
  const headers = retryHeaders("handle", delivery, { attempts: 0, excusedDeliveries: 80 });
  assert.equal("otherReleaseDeliveries" in history(headers), false);
});

Deno.test("NatsAttemptStore and RETRIES keep how often in a row the process of an event died", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const usedUp = { attempts: 2, excusedDeliveries: 1, isUnended: true, deaths: 2 }, delivery = await orders.next();
  await orders.settler.settle("handle", delivery, retry(1, false), usedUp);
  const counts = { begun: 2, excused: 1, mayHaveEmitted: false, isUnended: true, deaths: 2 };
  assert.deepEqual(await orders.attempts.read("handle", delivery), counts);
  const carried = (usedUp: Parameters<typeof retryHeaders>[2]) => {
    const { isUnended, deaths } = history(retryHeaders("handle", delivery, usedUp));
    return { isUnended, deaths };
  };
  assert.deepEqual(carried(usedUp), { isUnended: true, deaths: 2 });
  const never = { attempts: 0, excusedDeliveries: 1 };
  assert.deepEqual(carried({ ...never, hasVanished: true }), { isUnended: true, deaths: 0 });
  assert.deepEqual(carried(never), { isUnended: false, deaths: undefined });
  const earlier = retryHeaders("handle", delivery, usedUp);
  earlier.delete("weir-deaths");
  assert.deepEqual(history(earlier).deaths, 1);
});

Deno.test("NatsAttemptStore keeps the earlier counts after a nak before the handler", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  await orders.settler.settle("handle", await orders.next(), retry(1, false), { attempts: 3, excusedDeliveries: 2 });
  const second = await orders.next();
  await orders.settler.settle("handle", second, retry(1, false));
  assert.deepEqual(await orders.attempts.read("handle", second), { begun: 3, excused: 2, mayHaveEmitted: false });
});

Deno.test("NatsAttemptStore lets another replica count on", async () => {
  await using orders = await startSettling();
  const elsewhere = await NatsAttemptStore.open(await orders.connect(), 1);
  await orders.publish(1);
  await orders.settler.settle("handle", await orders.next(), retry(1, false), { attempts: 0, excusedDeliveries: 1 });
  const second = await orders.next();
  assert.deepEqual(await elsewhere.read("handle", second), { begun: 0, excused: 1, mayHaveEmitted: false });
  await elsewhere.write("handle", second, { begun: 1, excused: 2, mayHaveEmitted: true });
  assert.deepEqual(await orders.attempts.read("handle", second), { begun: 1, excused: 2, mayHaveEmitted: true });
});

Deno.test("NatsAttemptStore keeps functions and messages apart", async () => {
  await using orders = await startSettling();
  await orders.publish(2);
  const [one, two] = [await orders.next(), await orders.next()];
  await orders.attempts.write("handle", one, { begun: 1, excused: 1, mayHaveEmitted: true });
  assert.deepEqual(await orders.attempts.read("handle", one), { begun: 1, excused: 1, mayHaveEmitted: true });
  assert.equal(await orders.attempts.read("handle", two), undefined);
  assert.equal(await orders.attempts.read("other", one), undefined);
});

Deno.test("NatsAttemptStore creates a deleted bucket again", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  await orders.jsm.streams.delete("KV_weir_attempts");
  const usedUp = { attempts: 0, excusedDeliveries: 1 };
  assert.deepEqual(await orders.settler.settle("handle", delivery, retry(1, false), usedUp), { ok: true });
  assert.deepEqual(await orders.attempts.read("handle", delivery), { begun: 0, excused: 1, mayHaveEmitted: false });
  assert.equal((await orders.next()).deliveryCount, 2);
});

Deno.test("NatsAttemptStore has no counts for a key that was deleted", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  await orders.attempts.write("handle", delivery, { begun: 1, excused: 1, mayHaveEmitted: true });
  await (await new Kvm(orders.nc).open("weir_attempts")).delete(`handle.${delivery.messageKey}`);
  assert.equal(await orders.attempts.read("handle", delivery), undefined);
});

Deno.test("NatsAttemptStore stores the counts under the names that earlier versions read and write", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next(), counts = { begun: 2, excused: 1, mayHaveEmitted: false };
  const bucket = await new Kvm(orders.nc).open("weir_attempts"), key = `handle.${delivery.messageKey}`;
  await orders.attempts.write("handle", delivery, counts);
  assert.deepEqual((await bucket.get(key))?.json(), { begun: 2, free: 1, emitted: false });
  await bucket.put(key, JSON.stringify({ begun: 3, free: 2, emitted: true }));
  const read = await orders.attempts.read("handle", delivery);
  assert.deepEqual(read, { begun: 3, excused: 2, mayHaveEmitted: true });
});

Deno.test("NatsAttemptStore has zero counts of unwritten messages once their function is marked as one that pulls ahead", async () => {
  await using orders = await startSettling();
  const elsewhere = await NatsAttemptStore.open(await orders.connect(), 1);
  await orders.publish(1);
  const delivery = await orders.next();
  assert.equal(await elsewhere.read("handle", delivery), undefined);
  await orders.attempts.markPrefetching("handle");
  assert.deepEqual(await elsewhere.read("handle", delivery), { begun: 0, excused: 0, mayHaveEmitted: true });
  assert.equal(await elsewhere.read("other", delivery), undefined);
});
