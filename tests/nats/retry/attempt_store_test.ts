import assert from "node:assert/strict";
import { Kvm } from "@nats-io/kv";
import { NatsAttemptStore } from "../../../runtime/nats/retry/attempt_store.ts";
import type { Outcome } from "../../../runtime/core/outcome.ts";
import { startSettling } from "../../support/settling.ts";

function retry(delayMs: number, usesAttempt = true): Outcome {
  return { kind: "retry", delayMs, reason: usesAttempt ? "failed" : "shutdown", usesAttempt };
}

Deno.test("what an event has used up is written down each time it is given back", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const counts: unknown[] = [];
  for (
    const [usesAttempt, progress] of [
      [true, { attempts: 1, excusedDeliveries: 0 }],
      [false, { attempts: 1, excusedDeliveries: 1 }],
      [true, { attempts: 2, excusedDeliveries: 1 }],
      [false, { attempts: 2, excusedDeliveries: 2 }],
    ] as const
  ) {
    const delivery = await orders.next();
    assert.deepEqual(await orders.settler.settle("handle", delivery, retry(1, usesAttempt), progress), { ok: true });
    counts.push(await orders.attempts.read("handle", delivery));
  }
  assert.deepEqual(counts, [
    { begun: 1, free: 0, emitted: false },
    { begun: 1, free: 1, emitted: false },
    { begun: 2, free: 1, emitted: false },
    { begun: 2, free: 2, emitted: false },
  ]);
});

Deno.test("a delivery given back before it began is written down as that", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  await orders.settler.settle("handle", delivery, retry(1, false));
  assert.deepEqual(await orders.attempts.read("handle", delivery), { begun: 0, free: 1, emitted: false });
});

Deno.test("a delivery given back before it began forgets nothing of the ones before it", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  await orders.settler.settle("handle", await orders.next(), retry(1, false), { attempts: 3, excusedDeliveries: 2 });
  const second = await orders.next();
  await orders.settler.settle("handle", second, retry(1, false));
  assert.deepEqual(await orders.attempts.read("handle", second), { begun: 3, free: 2, emitted: false });
});

Deno.test("another replica counts on where this one stopped", async () => {
  await using orders = await startSettling();
  const elsewhere = await NatsAttemptStore.open(await orders.connect(), 1);
  await orders.publish(1);
  await orders.settler.settle("handle", await orders.next(), retry(1, false), { attempts: 0, excusedDeliveries: 1 });
  const second = await orders.next();
  assert.deepEqual(await elsewhere.read("handle", second), { begun: 0, free: 1, emitted: false });
  await elsewhere.write("handle", second, { begun: 1, free: 2, emitted: true });
  assert.deepEqual(await orders.attempts.read("handle", second), { begun: 1, free: 2, emitted: true });
});

Deno.test("what is counted for one function or message is not another's", async () => {
  await using orders = await startSettling();
  await orders.publish(2);
  const [one, two] = [await orders.next(), await orders.next()];
  await orders.attempts.write("handle", one, { begun: 1, free: 1, emitted: true });
  assert.deepEqual(await orders.attempts.read("handle", one), { begun: 1, free: 1, emitted: true });
  assert.equal(await orders.attempts.read("handle", two), undefined);
  assert.equal(await orders.attempts.read("other", one), undefined);
});

Deno.test("a bucket that is gone is made again by whoever needs it", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  await orders.jsm.streams.delete("KV_weir_attempts");
  assert.deepEqual(await orders.settler.settle("handle", delivery, retry(1, false)), { ok: true });
  assert.deepEqual(await orders.attempts.read("handle", delivery), { begun: 0, free: 1, emitted: false });
  assert.equal((await orders.next()).deliveryCount, 2);
});

Deno.test("a count that somebody deleted is not known", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  await orders.attempts.write("handle", delivery, { begun: 1, free: 1, emitted: true });
  await (await new Kvm(orders.nc).open("weir_attempts")).delete(`handle.${delivery.messageKey}`);
  assert.equal(await orders.attempts.read("handle", delivery), undefined);
});
