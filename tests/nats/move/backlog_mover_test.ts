import assert from "node:assert/strict";
import { defineEvent, defineFunction, defineStream, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import type { RetentionPolicy } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { Kvm } from "@nats-io/kv";
import { z } from "zod";
import { type Cluster, connectCluster } from "../../../runtime/app/cluster.ts";
import { readConfig } from "../../../runtime/app/config.ts";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { storedDelivery } from "../../../runtime/nats/consume/parse_delivery.ts";
import { confirmMoved } from "../../../runtime/nats/consume/settle.ts";
import { DeadLetters } from "../../../runtime/nats/dead_letters/dead_letters.ts";
import { pullPage } from "../../../runtime/nats/inspect/pull_page.ts";
import { readStored } from "../../../runtime/nats/inspect/read_stored.ts";
import { BacklogMover } from "../../../runtime/nats/move/backlog_mover.ts";
import { NatsAttemptStore } from "../../../runtime/nats/retry/nats_attempt_store.ts";
import { hasDelayedRetry, retrySubject } from "../../../runtime/nats/retry/retry_stream.ts";
import { eventually } from "../../support/eventually.ts";
import { type Broker, startBroker } from "../../support/nats.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const PLANNED = { type: "demo.asked", from: "DEMO", to: "NEXT", moved: 0, deadLetters: 0, unacked: [] };

/**
 * Returns a connection whose requests throw once, at the nth that is sent to a subject, before or after it is answered.
 */
function interrupted(nc: NatsConnection, subject: RegExp, nth: number, when: "before" | "after"): NatsConnection {
  let count = 0;
  const request: NatsConnection["request"] = async (to, ...rest) => {
    const isIt = subject.test(to) && ++count === nth;
    if (isIt && when === "before") throw new Error("interrupted");
    const reply = await nc.request(to, ...rest);
    if (isIt) throw new Error("interrupted");
    return reply;
  };
  return new Proxy(nc, {
    get: (target, name) => {
      if (name === "request") return request;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function connectedTo(broker: Broker): Promise<Cluster> {
  const url = broker.server.url;
  const cluster = await connectCluster(readConfig({ get: (name) => ({ NATS_URL: url })[name], readFile: () => "" }));
  broker.defer(() => cluster.close());
  return cluster;
}

async function moverOf(cluster: Cluster, name: string, nc = cluster.nc): Promise<BacklogMover> {
  const { jsm, names, messages, duplicates } = cluster;
  const isDelayed: NatsAttemptStore["isDelayed"] = (fn, delivery) => hasDelayedRetry(jsm, fn, delivery, names);
  const attempts = await NatsAttemptStore.open(cluster.nc, undefined, isDelayed, names);
  const deadLetters = new DeadLetters(messages, duplicates, Date.now, names);
  return new BacklogMover({ ...cluster, nc }, { attempts, deadLetters }, systemClock, name);
}

const run = async (mover: BacklogMover) => {
  const start = await mover.unfinished() ?? PLANNED;
  return await mover.run(start, { signal: new AbortController().signal, progress: () => {} });
};

const INTERRUPTIONS = [
  [/^retries\.move\./, 1, "before"],
  [/^retries\.move\./, 2, "after"],
  [/^\$JS\.ACK\./, 1, "before"],
  [/^\$JS\.ACK\./, 40, "before"],
  [/^\$JS\.ACK\./, 130, "after"],
  [/^retries\.move\./, 3, "before"],
  [/MSG\.DELETE\.RETRIES/, 1, "before"],
] as const;

Deno.test("BacklogMover moves what waits for two functions, each once to its own, through interruptions", async () => {
  await using broker = await startBroker();
  const { jsm, nc } = broker, state = { works: false };
  const handled: Record<string, { n: number; time: string; id: string }[]> = { ship: [], bill: [] };
  const of = (name: string) =>
    defineFunction({ on: Asked, retry: { attempts: 5 }, breaker: { consecutiveFailures: 10_000 } }, (event) => {
      const { data: { n }, time, id } = event;
      if (!state.works && n === 1) throw new RetryAfterError("1h");
      if (!state.works && n === 2) throw new NonRetryableError("never");
      handled[name].push({ n, time: String(time), id });
    });
  const functions = { ship: of("ship"), bill: of("bill") },
    settled = async (name: string) => {
      const { num_pending, num_ack_pending } = await jsm.consumers.info("DEMO", name);
      return num_pending + num_ack_pending === 0;
    };
  const sent: { n: number; id: string; time: string }[] = [];
  {
    await using runtime = await startTestRuntime({ functions, server: broker.server });
    const publish = async (from: number, to: number) => {
      for (let n = from; n < to; n += 100) {
        const some = Array.from({ length: Math.min(100, to - n) }, (_, i) => n + i);
        await Promise.all(some.map((n) => runtime.publish(Asked, { n }, { id: `e${n}` })));
      }
    };
    await publish(0, 200);
    await eventually(async () => await settled("ship") && await settled("bill"));
    await jsm.consumers.pause("DEMO", "bill", new Date(Date.now() + 3_600_000));
    await publish(200, 500);
    await eventually(() => settled("ship"));
    await jsm.consumers.pause("DEMO", "ship", new Date(Date.now() + 3_600_000));
    await publish(500, 2_500);
  }
  for (const name of ["ship", "bill"]) {
    await jsm.consumers.resume("DEMO", name);
    await jsm.consumers.update("DEMO", name, { ack_wait: 1_000_000_000 }); // so that its leases end soon
  }
  const held = await pullPage(nc, "DEMO", "ship", 30, 30_000, NO_NAMESPACE); // as a process that dies with them
  assert.equal(held.length, 30);
  for (const delivery of held.slice(0, 10)) await confirmMoved(nc, delivery); // and one whose acks were late
  const lateAcks = new Set(held.slice(0, 10).map(({ sequence }) => sequence - 1));
  const kv = await new Kvm(nc).open("weir_attempts"), error = { name: "Error", message: "decided" };
  const ending = { kind: "dead-letter", reason: "rejected", attempts: 2, error };
  await kv.put(`ship.${held[10].messageKey}`, JSON.stringify({ begun: 2, free: 0, emitted: true, ending }));
  const counts = { begun: 3, free: 2, otherRelease: 1, emitted: true, isUnended: true, deaths: 2 };
  await kv.put(`ship.${held[11].messageKey}`, JSON.stringify(counts));
  for (let seq = 1; seq <= 2_500; seq++) {
    const { header, data } = (await jsm.streams.getMessage("DEMO", { seq }))!;
    const { n } = JSON.parse(new TextDecoder().decode(data));
    sent.push({ n, id: header.get("ce-id"), time: header.get("ce-time") });
  }
  await jsm.streams.update("DEMO", { subjects: ["old.demo"] });

  const cluster = await connectedTo(broker), results: Record<string, readonly number[]> = {};
  for (const name of ["ship", "bill"]) {
    let interruptions = 0;
    for (const [subject, nth, when] of INTERRUPTIONS) {
      const mover = await moverOf(cluster, name, interrupted(cluster.nc, subject, nth, when));
      await run(mover).catch(({ message }) => message === "interrupted" && interruptions++);
    }
    const { record: { moved, deadLetters }, isFinished } = await run(await moverOf(cluster, name));
    assert.ok(isFinished && interruptions >= 5, `${interruptions}`);
    results[name] = [moved, deadLetters];
    assert.ok(await settled(name));
  }
  assert.equal((await jsm.streams.info("DEMO")).state.messages, 2_500, "history stays");
  const due = async (name: string) => {
    const { state } = await jsm.streams.info("RETRIES", { subjects_filter: `retries.due.${name}.demo.asked` });
    return Object.values(state.subjects ?? {}).reduce((sum, one) => sum + one, 0);
  };
  assert.deepEqual([await due("ship"), await due("bill")], [1_989, 2_300]);
  const carried: string[][] = [];
  for await (const { header } of readStored(jsm, "RETRIES", "retries.due.ship.>")) {
    if (header.get("weir-other-release") === "") continue;
    const names = ["ce-id", "weir-free-retries", "weir-other-release", "weir-deaths"];
    carried.push(names.map((name) => header.get(name)));
  }
  assert.deepEqual(carried, [[sent[held[11].sequence - 1].id, "2", "1", "2"]]);

  state.works = true;
  const before = { ship: handled.ship.length, bill: handled.bill.length };
  assert.deepEqual(before, { ship: 498, bill: 198 });
  const schemas = [defineStream({ name: "NEXT", subjects: ["demo.>"] })];
  await using runtime = await startTestRuntime({ functions, schemas, server: broker.server });
  await runtime.publish(Asked, { n: 9_999 });
  await eventually(() => handled.ship.length >= 498 + 1_990 && handled.bill.length >= 198 + 2_301);
  const get = async (path: string) => await (await fetch(runtime.adminUrl + path)).json();
  const letters = await get("/dead-letters"), retries = await get("/retries");
  assert.deepEqual(
    letters.map(({ function: fn, attempts, error }: Record<string, unknown>) => [fn, attempts, error]).sort(),
    [["bill", 1, "NonRetryableError: never"], ["ship", 1, "NonRetryableError: never"], ["ship", 2, "Error: decided"]],
  );
  assert.deepEqual(
    retries.map(({ function: fn, stream, streamSequence }: Record<string, unknown>) => [fn, stream, streamSequence])
      .sort(),
    [["bill", "DEMO", 2], ["ship", "DEMO", 2]].map((one) => [...one.slice(0, 2), sequenceOf(1)]),
  );
  assert.equal(
    (await (await fetch(`${runtime.adminUrl}/dead-letters/redrive`, { method: "POST" })).json()).redriven,
    3,
  );
  await eventually(() => handled.ship.length >= 498 + 1_992 && handled.bill.length >= 198 + 2_302);
  function sequenceOf(n: number) {
    return sent.findIndex((one) => one.n === n) + 1;
  }
  for (const [name, events] of Object.entries(handled)) {
    assert.equal(new Set(events.map(({ n }) => n)).size, events.length, `${name} handled an event twice`);
    const missing = sent.filter(({ n }) => !events.some((one) => one.n === n)).map(({ n }) => sequenceOf(n) - 1);
    const expected = [sequenceOf(1) - 1, ...name === "ship" ? lateAcks : []];
    assert.deepEqual(missing.sort((a, b) => a - b), expected.sort((a, b) => a - b), name);
    for (const { n, id, time } of events.filter(({ n }) => n !== 9_999)) {
      assert.deepEqual([id, Date.parse(time)], [sent[sequenceOf(n) - 1].id, Date.parse(sent[sequenceOf(n) - 1].time)]);
    }
  }
});

for (const retention of ["limits", "workqueue", "interest"] as const) {
  Deno.test(`BacklogMover moves from a stream of retention ${retention}, and not what is delayed already or too large`, async () => {
    await using broker = await startBroker();
    const { jsm, nc } = broker;
    await jsm.streams.add({ name: "DEMO", subjects: ["demo.>"], retention: retention as RetentionPolicy });
    const functions = { ship: defineFunction({ on: Asked }, () => {}) };
    await (await startTestRuntime({ functions, server: broker.server }))[Symbol.asyncDispose]();
    const large = new Uint8Array(nc.info!.max_payload - 100);
    for (let at = 0; at < large.length; at += 65_536) crypto.getRandomValues(large.subarray(at, at + 65_536));
    for (const payload of ["delayed", "waits", large]) await nc.request("demo.asked", payload, { timeout: 30_000 });
    await jsm.consumers.update("DEMO", "ship", { ack_wait: 1_000_000_000 });
    const [delayed] = await pullPage(nc, "DEMO", "ship", 1, 30_000, NO_NAMESPACE); // its process dies before the ack
    const hdrs = headers();
    hdrs.set("Nats-Schedule", `@at ${new Date(Date.now() + 3_600_000).toISOString()}`);
    hdrs.set("Nats-Schedule-Target", "retries.due.ship.demo.asked");
    await nc.request(retrySubject("ship", delayed), "delayed", { headers: hdrs, timeout: 30_000 });

    const { record, isFinished } = await run(await moverOf(await connectedTo(broker), "ship"));
    assert.deepEqual([isFinished, record.moved, record.deadLetters], [true, 2, 1]);
    const stored = async (stream: string) => {
      const { state } = await jsm.streams.info(stream, { subjects_filter: ">" });
      return Object.entries(state.subjects ?? {}).map(([subject, count]) => `${subject.replace(/-.*/, "")} ${count}`)
        .sort();
    };
    assert.deepEqual(await stored("RETRIES"), ["retries.delayed.ship.DEMO 1", "retries.due.ship.demo.asked 1"]);
    const moved = await jsm.streams.getMessage("RETRIES", { last_by_subj: "retries.due.ship.demo.asked" });
    const original = storedDelivery("RETRIES", moved!);
    assert.deepEqual([original.stream, original.sequence, original.subject], ["DEMO", 2, "demo.asked"]);
    assert.equal(new TextDecoder().decode(original.payload), "waits");
    assert.ok(original.history.originKey?.startsWith("DEMO.2."), "a message without an id keeps its key");
    const letter = await jsm.streams.getMessage("DEAD_LETTERS", { last_by_subj: "dead_letters.ship.demo.asked" });
    assert.match(letter!.header.get("weir-error"), /^TooLargeError: /);
    assert.equal((await jsm.streams.info("DEMO")).state.messages, retention === "limits" ? 3 : 0);
  });
}

Deno.test("BacklogMover ends at an abort and continues with what is left, and refuses a second one at a time", async () => {
  await using broker = await startBroker();
  const { jsm, nc } = broker, functions = { ship: defineFunction({ on: Asked }, () => {}) };
  await (await startTestRuntime({ functions, server: broker.server }))[Symbol.asyncDispose]();
  await jsm.consumers.update("DEMO", "ship", { ack_wait: 1_000_000_000 });
  for (let n = 0; n < 250; n++) nc.publish("demo.asked", "{}");
  await eventually(async () => (await jsm.consumers.info("DEMO", "ship")).num_pending === 250);
  const cluster = await connectedTo(broker), abort = new AbortController(), first = await moverOf(cluster, "ship");
  assert.equal(await first.unfinished(), undefined);
  const ended = await first.run(PLANNED, { signal: abort.signal, progress: () => abort.abort() });
  assert.deepEqual([ended.isFinished, ended.record.moved], [false, 100]);

  const [one, other] = [await moverOf(cluster, "ship"), await moverOf(cluster, "ship")];
  const known = (await one.unfinished())!;
  assert.equal(known.moved, 100);
  await other.unfinished();
  let second: Promise<unknown> | undefined;
  const { record } = await one.run(known, {
    signal: new AbortController().signal,
    progress: () =>
      void (second ??= other.run(known, { signal: new AbortController().signal, progress: () => {} })
        .then(() => "moved", ({ message }) => message)),
  });
  const outcome = await second;
  assert.match(String(outcome), /^(another command moves events of ship at this moment|moved)$/);
  assert.equal(record.moved, 250);
  assert.equal((await jsm.streams.info("RETRIES")).state.messages, 250);
});
