import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { SubjectCounts } from "../../../runtime/nats/inspect/count_messages.ts";
import { LateDedup } from "../../../runtime/nats/publish/late_dedup.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { delayedRetriesOf, hasDelayedRetry, retrySubject } from "../../../runtime/nats/retry/retry_stream.ts";
import { RetryService } from "../../../runtime/nats/retry/service.ts";
import { eventually } from "../../support/eventually.ts";
import { startSettling } from "../../support/settling.ts";

Deno.test("RetryService lists, counts and cancels retries that an earlier release delayed as retries.parked", async () => {
  await using orders = await startSettling();
  const { nc, jsm, publisher } = orders;
  await orders.publish(1);
  const delivery = await orders.next();
  const due = new Date(Date.now() + 3_600_000).toISOString();
  const schedule = (subject: string) => {
    const hdrs = headers();
    hdrs.set("weir-function", "handle");
    hdrs.set("Nats-Schedule", `@at ${due}`);
    hdrs.set("Nats-Schedule-Target", "retries.due.handle.orders.created");
    return publisher.publish(subject, delivery.payload, hdrs);
  };
  const earlier = await schedule(retrySubject("handle", delivery).replace("retries.delayed.", "retries.parked."));
  assert.ok(await hasDelayedRetry(jsm, "handle", delivery));
  assert.ok(!await hasDelayedRetry(jsm, "other", delivery));
  const newer = await schedule("retries.delayed.handle.ORDERS-2-1");

  const counts = new SubjectCounts(nc, jsm, "RETRIES", delayedRetriesOf);
  assert.equal((await counts.of(["handle"])).get("handle"), 2);
  const service = new RetryService({ jsm, messages: publisher, duplicates: new LateDedup(nc, jsm, systemClock) });
  const listed = async () =>
    (await Array.fromAsync(service.list({ function: "handle" }))).map(({ sequence, type }) => [sequence, type]);
  assert.deepEqual(await listed(), [[earlier.sequence, "orders.created"], [newer.sequence, "orders.created"]]);
  assert.ok(await service.cancel(earlier.sequence));
  assert.deepEqual(await listed(), [[newer.sequence, "orders.created"]]);
});

Deno.test("RetryService lists many retries in the order they were stored, with few requests", async () => {
  await using orders = await startSettling();
  const { nc, jsm, publisher } = orders, count = 1_200;
  for (let i = 1; i <= count; i++) {
    const hdrs = headers();
    hdrs.set("Nats-Schedule", "@at 2030-01-01T00:00:00Z");
    hdrs.set("Nats-Schedule-Target", "retries.due.handle.orders.created");
    nc.publish(`retries.delayed.${i % 3 === 0 ? "other" : "handle"}.ORDERS-${i}`, "", { headers: hdrs });
  }
  await eventually(async () => (await jsm.streams.info("RETRIES")).state.messages === count);
  const service = new RetryService({ jsm, messages: publisher, duplicates: new LateDedup(nc, jsm, systemClock) });
  const { outMsgs } = nc.stats(), listed = await Array.fromAsync(service.list({}), ({ sequence }) => sequence);
  assert.deepEqual(listed, Array.from({ length: count }, (_, i) => i + 1));
  assert.ok(nc.stats().outMsgs - outMsgs < 10, `${nc.stats().outMsgs - outMsgs} requests`);
  assert.equal((await Array.fromAsync(service.list({ function: "other", limit: 300 }))).length, 300);
  assert.deepEqual(await Array.fromAsync(service.list({ function: "none" })), []);
});
