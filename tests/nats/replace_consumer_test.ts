import assert from "node:assert/strict";
import { AckPolicy, RetentionPolicy } from "@nats-io/jetstream";
import { systemClock } from "../../runtime/clock.ts";
import { NotReplaced, replaceConsumer } from "../../runtime/nats/replace_consumer.ts";
import { type Planning, SHIP, startPlanning, WANTED } from "./planning.ts";

/** A function whose consumer JetStream cannot change, six events stored, two of them handed out. */
async function setup(retention: RetentionPolicy, settled: number): Promise<Planning> {
  const broker = await startPlanning(), { jsm } = broker;
  await broker.ensure({ ...WANTED, durables: [] });
  await jsm.streams.delete("ORDERS");
  await jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], retention, allow_direct: true });
  const ack_policy = AckPolicy.Explicit, deliver_subject = "push.ship"; // a push consumer
  await jsm.consumers.add("ORDERS", {
    durable_name: "ship",
    ack_policy,
    deliver_subject,
    filter_subjects: ["orders.paid"],
    max_ack_pending: 2,
  });
  await broker.store("orders.paid", 6);
  const taken = Promise.withResolvers<void>();
  let count = 0;
  const subscription = broker.nc.subscribe(deliver_subject, {
    callback: (_, message) => {
      if (++count <= settled) message.respond();
      if (count < 2) return;
      subscription.unsubscribe();
      taken.resolve();
    },
  });
  await taken.promise;
  await broker.nc.flush();
  return broker;
}

for (const retention of [RetentionPolicy.Limits, RetentionPolicy.Interest, RetentionPolicy.Workqueue]) {
  const { before, after } = { before: 2, after: 4 };
  Deno.test(`on a stream of ${retention} retention the new one goes on where the old one has got to`, async () => {
    await using broker = await setup(retention, before);
    assert.equal(await replaceConsumer(broker.jsm, SHIP, { clock: systemClock }), after);
    const { config } = await broker.jsm.consumers.info("ORDERS", "ship");
    assert.equal(config.deliver_subject, undefined);
    assert.deepEqual(await broker.take("ORDERS", "ship", after, after), [3, 4, 5, 6]);
    const names = await Array.fromAsync(broker.jsm.consumers.list("ORDERS"), ({ name }) => name);
    assert.deepEqual(names, ["ship"]);
  });

  const marked = retention !== RetentionPolicy.Workqueue;
  for (const step of [...marked ? ["mark"] : [], "delete", "create"]) {
    Deno.test(`interrupted before it is to ${step}, on ${retention} retention, it is done by the next`, async () => {
      await using broker = await setup(retention, before);
      const died = new Error("died");
      const dying = replaceConsumer(broker.jsm, SHIP, {
        clock: systemClock,
        before: (at) => {
          if (at === step) throw died;
        },
      });
      await assert.rejects(dying, died);
      const [planned] = (await broker.plan()).filter((one) => one.what === "consumer" && one.stream === "ORDERS");
      if (step === "create") {
        assert.equal(planned.kind, "create");
        assert.equal("waiting" in planned && planned.waiting, after);
        await broker.ensure(); // as a start does, or a repair
      } else {
        assert.equal(planned.kind, "replace");
        await replaceConsumer(broker.jsm, SHIP, { clock: systemClock });
      }
      assert.deepEqual(await broker.take("ORDERS", "ship", after, after), [3, 4, 5, 6]);
      await broker.ensure();
      assert.deepEqual(await broker.plan(), []);
    });
  }
}

Deno.test("what is not settled in time is left as it was, and goes on", async () => {
  await using broker = await setup(RetentionPolicy.Limits, 1);
  const replacing = replaceConsumer(broker.jsm, SHIP, { clock: systemClock, settleMs: 200 });
  await assert.rejects(replacing, (error) => {
    assert.ok(error instanceof NotReplaced);
    assert.match(error.message, /^1 events that it has handed out were not settled within 0\.2 s: start, or stop, /);
    return true;
  });
  const info = await broker.jsm.consumers.info("ORDERS", "ship");
  assert.equal(info.config.deliver_subject, "push.ship");
  assert.equal(info.paused ?? false, false);
});

Deno.test("a mark that is left behind when all else is done is told of, and is nobody's orphan", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.jsm.consumers.add("ORDERS", { durable_name: "ship~replaced", ack_policy: AckPolicy.Explicit });
  assert.deepEqual(await broker.plan(), [
    { what: "consumer", name: "ship~replaced", stream: "ORDERS", kind: "leftover" },
  ]);
});
