import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import type { LogFields } from "../../../runtime/api/context.ts";
import { Advisories } from "../../../runtime/nats/consume/advisories.ts";
import { RetryStream } from "../../../runtime/nats/retry/retry_stream.ts";
import { eventually } from "../../support/eventually.ts";
import { startSettling } from "../../support/settling.ts";

async function setup() {
  const orders = await startSettling();
  const logged: { message: string; fields: LogFields }[] = [];
  const error = (message: string, fields: LogFields = {}) => void logged.push({ message, fields });
  const log = { debug: () => {}, info: () => {}, warn: error, error };
  const durables = [{ functionName: "handle", consumer: "handle", stream: "ORDERS", filters: ["orders.>"] }];
  let givenUp = 0;
  const retries = new RetryStream(orders.publisher);
  new Advisories(orders.nc, orders.jsm, durables, orders.attempts, retries, log).listen(() => givenUp++);
  await orders.nc.flush();
  return { ...orders, logged, givenUp: () => givenUp };
}

Deno.test("[G8] Advisories brings back an event beyond max_deliver with its attempts, and logs it", async () => {
  await using orders = await setup();
  await orders.jsm.consumers.update("ORDERS", "handle", { max_deliver: 1 });
  await orders.publish(1);
  const delivery = await orders.next();
  const failed = { kind: "retry", delayMs: 1, reason: "failed", usesAttempt: true } as const;
  await orders.settler.settle("handle", delivery, failed, { attempts: 1, excusedDeliveries: 0 });
  await eventually(() => orders.logged.length > 0);
  assert.equal(
    orders.logged[0].message,
    "the server gave up on an event, since its consumer limits deliveries: brought back",
  );
  assert.deepEqual(orders.logged[0].fields, { function: "handle", stream: "ORDERS", sequence: 1, deliveries: 1 });
  assert.equal(orders.givenUp(), 1);
  const back = (await orders.jsm.streams.getMessage("RETRIES", { seq: 1 }))!;
  assert.equal(back.subject, "retries.due.handle.orders.created");
  assert.equal(back.string(), new TextDecoder().decode(delivery.payload));
  assert.equal(back.header.get("weir-attempts"), "1");
  assert.equal(back.header.get("weir-sequence"), "1");
});

Deno.test("Advisories logs an event that another client terminated, and none that Weir did", async () => {
  await using orders = await setup();
  await orders.publish(1);
  const error = { name: "Error", message: "no" };
  const outcome = { kind: "dead-letter", reason: "rejected", attempts: 1, error } as const;
  await orders.settler.settle("handle", await orders.next(), outcome, { attempts: 1, excusedDeliveries: 0 });
  await orders.source.stop();
  await orders.publish(1);
  const consumer = await jetstream(orders.nc).consumers.get("ORDERS", "handle");
  (await consumer.next())!.term("by hand");
  await eventually(() => orders.logged.length > 0);
  assert.deepEqual(orders.logged.map(({ fields }) => fields), [
    { function: "handle", stream: "ORDERS", sequence: 2, reason: "by hand" },
  ]);
});

Deno.test("Advisories logs a malformed advisory, and deliveries go on", async () => {
  await using orders = await setup();
  orders.nc.publish("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.ORDERS.handle", "not json");
  await eventually(() => orders.logged.length > 0);
  assert.equal(orders.logged[0].message, "an advisory of JetStream cannot be read");
  await orders.publish(1);
  assert.equal((await orders.next()).sequence, 1);
});
