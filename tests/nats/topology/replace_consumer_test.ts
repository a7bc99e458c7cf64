import assert from "node:assert/strict";
import {
  AckPolicy,
  type ConsumerAPI,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
} from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { NotReplaced, replaceConsumer } from "../../../runtime/nats/topology/replace_consumer.ts";
import { eventually } from "../eventually.ts";
import { type Planning, SHIP, SHIP_RETRIES, startPlanning, WANTED } from "./planning.ts";

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

  for (const step of ["mark", "delete", "create"]) {
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
        await replaceConsumer(broker.jsm, SHIP, { clock: systemClock, staleMs: 100 });
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
  const info = () => broker.jsm.consumers.info("ORDERS", "ship");
  assert.equal((await info()).config.deliver_subject, "push.ship");
  await eventually(async () => !(await info()).paused);
});

/** Six events stored, none handled, on a consumer that acks all before as well: a process may pull on it. */
async function setupPulled(): Promise<Planning> {
  const broker = await startPlanning();
  await broker.ensure({ ...WANTED, durables: [SHIP_RETRIES] });
  await broker.jsm.consumers.add("ORDERS", {
    durable_name: "ship",
    ack_policy: AckPolicy.All,
    filter_subjects: ["orders.paid"],
  });
  await broker.store("orders.paid", 6);
  return broker;
}

/** A manager whose requests about consumers go through what is given. */
function through(jsm: JetStreamManager, own: Partial<ConsumerAPI>): JetStreamManager {
  const consumers = new Proxy(jsm.consumers, {
    get: (api, name) => {
      const found = own[name as keyof ConsumerAPI] ?? api[name as keyof ConsumerAPI];
      return typeof found === "function" ? found.bind(api) : found;
    },
  });
  return new Proxy(jsm, { get: (api, name) => name === "consumers" ? consumers : Reflect.get(api, name) });
}

Deno.test("what is handed out before a pause is in force, as in a cluster, is not repeated", async () => {
  await using broker = await setupPulled();
  const late = through(broker.jsm, {
    // There it is answered once it is written down, and its leader hears of it later.
    pause: async (stream, name, until) => {
      const sequences = broker.take(stream, name, 6, 6);
      setTimeout(() => void sequences.then(() => broker.jsm.consumers.pause(stream, name, until)), 100);
      return await Promise.resolve({ paused: true, pause_until: "" });
    },
  });
  assert.equal(await replaceConsumer(late, SHIP, { clock: systemClock }), 0);
});

Deno.test("of two that replace it at once the later one finds it done, however late it goes on", async () => {
  await using broker = await setupPulled();
  const first = Promise.withResolvers<void>(), gate = Promise.withResolvers<void>();
  const slow = replaceConsumer(broker.jsm, SHIP, {
    clock: systemClock,
    before: (step) => {
      if (step !== "delete") return;
      first.resolve();
      return gate.promise;
    },
  });
  await first.promise;
  await replaceConsumer(broker.jsm, SHIP, { clock: systemClock, staleMs: 100 });
  assert.deepEqual(await broker.take("ORDERS", "ship", 4, 4), [1, 2, 3, 4]);
  gate.resolve();
  assert.equal(await slow, 2);
  assert.deepEqual(await broker.take("ORDERS", "ship", 2, 2), [5, 6]);
  assert.deepEqual(await broker.plan(), [], "no mark is left, and nothing paused");
});

Deno.test("of two that replace it at once the later one does not delete what the other has made", async () => {
  await using broker = await setupPulled();
  const done = await Promise.all([1, 2, 3].map(() => replaceConsumer(broker.jsm, SHIP, { clock: systemClock })));
  assert.deepEqual(done, [6, 6, 6]);
  await eventually(async () => !(await broker.jsm.consumers.info("ORDERS", "ship")).paused);
  assert.deepEqual(await broker.plan(), []);
});

Deno.test("what a process that died held is handed out again, and settled, before it is replaced", async () => {
  await using broker = await setupPulled();
  await broker.jsm.consumers.update("ORDERS", "ship", { ack_wait: 1_000 * 1e6 });
  await broker.take("ORDERS", "ship", 2, 0);
  const replacing = replaceConsumer(broker.jsm, SHIP, { clock: systemClock });
  await eventually(async () => (await broker.jsm.consumers.info("ORDERS", "ship")).paused);
  assert.deepEqual(await broker.take("ORDERS", "ship", 3, 3), [1, 2, 3]);
  assert.equal(await replacing, 3);
  assert.deepEqual(await broker.take("ORDERS", "ship", 3, 3), [4, 5, 6]);
});

Deno.test("while a leader is elected it is asked again", async () => {
  await using broker = await setupPulled();
  let refused = 0;
  const electing = through(broker.jsm, {
    info: (stream, name) => {
      if (refused++ >= 3) return broker.jsm.consumers.info(stream, name);
      const said = { code: 503, err_code: 10008, description: "JetStream system temporarily unavailable" };
      return Promise.reject(new JetStreamApiError(said));
    },
  });
  assert.equal(await replaceConsumer(electing, SHIP, { clock: systemClock }), 6);
});

Deno.test("where JetStream does not answer for as long, that is said, and how to go on", async () => {
  await using broker = await setupPulled();
  const silent = through(broker.jsm, { info: () => Promise.reject(new errors.TimeoutError()) });
  await assert.rejects(
    replaceConsumer(silent, SHIP, { clock: systemClock, settleMs: 100 }),
    /^Error: JetStream does not answer \(timeout\): run it again, and it goes on where it was$/,
  );
});

Deno.test("a mark that is left behind when all else is done is told of, and is nobody's orphan", async () => {
  await using broker = await startPlanning();
  await broker.ensure();
  await broker.jsm.consumers.add("ORDERS", { durable_name: "ship~replaced", ack_policy: AckPolicy.Explicit });
  assert.deepEqual(await broker.plan(), [
    { what: "consumer", name: "ship~replaced", stream: "ORDERS", kind: "leftover" },
  ]);
});
