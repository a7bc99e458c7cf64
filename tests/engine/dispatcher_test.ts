import assert from "node:assert/strict";
import { defineFunction } from "weir";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import type { Consumer, ConsumerSink } from "../../runtime/engine/consumer.ts";
import type { Ports } from "../../runtime/engine/ports.ts";
import { Dispatcher } from "../../runtime/engine/dispatcher.ts";
import type { UsedUp } from "../../runtime/engine/settler.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import type { WeirEvent } from "../../runtime/core/event.ts";
import { reasonOf } from "../../runtime/core/outcome.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { gate } from "../support/invocation.ts";
import { pipelinePorts } from "../support/pipeline_ports.ts";
import { HeaderList } from "../../runtime/core/headers.ts";
import { ackSubjectText } from "../../runtime/nats/consume/parse_delivery.ts";

/** A dispatcher for `handler`, with the answers that it sends, its leases, and the calls of its observer. */
function setup(
  handler: (n: number) => unknown,
  concurrency: number | { readonly limit: number; readonly perKey: number; readonly by: (event: WeirEvent) => string } =
    2,
  maxBytes?: number,
  ahead = 0,
  cancelled = new Set<number>(),
  timeout: "20s" | "5m" = "20s",
) {
  const clock = new TestClock();
  const said: string[] = [], kept = new Map<string, string>();
  const valid = new Map<string, boolean | Promise<boolean>>();
  const counts: string[] = [], seen: string[] = [], usedUp = new Map<string, UsedUp | undefined>();
  const reasons = new Map<string, string | undefined>();
  const ports: Ports = {
    ...pipelinePorts(clock),
    settler: {
      settle: (_name, { ackSubject }, outcome, used) => {
        said.push(`${ackSubjectText(ackSubject)} ${outcome.kind}`);
        usedUp.set(ackSubjectText(ackSubject), used);
        reasons.set(ackSubjectText(ackSubject), `${reasonOf(outcome)} ${"delayMs" in outcome ? outcome.delayMs : ""}`);
        return Promise.resolve({ ok: true });
      },
      extend: ({ ackSubject }) => void said.push(`${ackSubjectText(ackSubject)} extend`),
    },
    attempts: {
      read: () => Promise.resolve(undefined),
      write: (_name, { ackSubject }) => Promise.resolve(void counts.push(ackSubjectText(ackSubject))),
      markPrefetching: () => Promise.resolve(void counts.push("mark")),
    },
    observer: {
      begin: ({ delivery }) => void seen.push(`begin ${delivery.sequence}`),
      end: ({ delivery }, { kind }) => void seen.push(`end ${delivery.sequence} ${kind}`),
      breakerChanged: () => {},
    },
    cancelled: { has: (_name, { sequence }) => cancelled.has(sequence) },
  };
  const definition = defineFunction({ on: "work.asked", concurrency, timeout }, ({ data }) => handler(data as number));
  const [fn] = registryOf({ work: definition }).functions;
  const source: Consumer = {
    start: (given: ConsumerSink) => sink = given,
    wake: () => {},
    stop: () => Promise.resolve(),
    problem: () => undefined,
  };
  let sink!: ConsumerSink;
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), ports);
  const dispatcher = new Dispatcher(
    pipeline,
    [source],
    5_000,
    {
      take: (first) => {
        let name = ackSubjectText(first);
        kept.set(name, "held");
        return {
          isValid: () => valid.get(name) ?? true,
          renew: (handle) => {
            kept.set(name, `now ${ackSubjectText(handle)}`);
            name = ackSubjectText(handle);
          },
          release: () => void kept.set(name, "released"),
        };
      },
    },
    maxBytes,
    { deliveries: ahead, bytes: 8 },
  );
  dispatcher.start();
  const deliver = (n: number, ackSubject = `h${n}`, deliveryCount = 1) => {
    const delivery: Delivery = {
      stream: "WORK",
      sequence: n,
      subject: "work.asked",
      deliveryCount,
      storedAtMs: clock.now(),
      payload: new TextEncoder().encode(String(n)),
      headers: new HeaderList(),
      history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
      messageKey: `WORK.${n}.${n * 1e9}`,
      ackSubject: new TextEncoder().encode(ackSubject),
    };
    sink.deliver(delivery);
  };
  return { clock, said, kept, valid, counts, seen, usedUp, reasons, source, dispatcher, deliver };
}

/** Resolves once everything has happened that needs no time. */
function settled(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve));
}

Deno.test("Dispatcher keeps the lease of a delivery until it is settled", async () => {
  const done = gate();
  const { dispatcher, deliver, kept, said, clock } = setup(() => done.promise);
  deliver(1);
  assert.deepEqual([...kept], [["h1", "held"]]);
  await settled();
  clock.move(5_000);
  done.resolve();
  await dispatcher.stop(0);
  assert.deepEqual([...kept], [["h1", "released"]]);
  assert.deepEqual(said, ["h1 extend", "h1 ack"]);
});

Deno.test("Dispatcher.room is what its deliveries leave of the bytes that it may hold, and may be exceeded", async () => {
  const done = gate();
  const { dispatcher, deliver } = setup(() => done.promise, 8, 3);
  assert.equal(dispatcher.room(), 3);
  deliver(1);
  assert.equal(dispatcher.room(), 2);
  await settled();
  deliver(100);
  assert.equal(dispatcher.room(), -1);
  done.resolve();
  await dispatcher.stop(0);
  assert.equal(dispatcher.room(), 3);
  assert.equal(setup(() => {}).dispatcher.room(), Infinity);
});

Deno.test("Dispatcher renews the lease of a redelivery that it holds, and does not run it again", async () => {
  const done = gate();
  let runs = 0;
  const { dispatcher, deliver, kept, said } = setup(() => {
    runs++;
    return done.promise;
  });
  deliver(1);
  await settled();
  deliver(1, "h1-again", 2);
  assert.deepEqual([...kept], [["h1", "now h1-again"]]);
  done.resolve();
  await dispatcher.stop(0);
  assert.deepEqual([runs, said], [1, ["h1-again ack"]]);
});

Deno.test("Dispatcher takes a lease for all deliveries that arrive together before running any, and runs a message once", async () => {
  const done = gate();
  const begun: [n: number, held: string[]][] = [];
  const { dispatcher, deliver, kept, said } = setup((n) => {
    begun.push([n, [...kept].filter(([, state]) => state !== "released").map(([name]) => name)]);
    return done.promise;
  });
  deliver(1);
  deliver(2);
  deliver(1, "h1-again", 2);
  assert.equal(dispatcher.inFlight, 2);
  await settled();
  assert.deepEqual(begun, [[1, ["h1", "h2"]], [2, ["h1", "h2"]]]);
  assert.equal(dispatcher.inFlight, 2);
  done.resolve();
  await dispatcher.stop(0);
  assert.deepEqual(said, ["h1-again ack", "h2 ack"]);
});

Deno.test("Dispatcher runs a message once that arrives twice together and ends at once", async () => {
  let runs = 0;
  const { dispatcher, deliver, said } = setup(() => void runs++);
  deliver(1);
  deliver(1, "h1-again", 2);
  await settled();
  assert.deepEqual([runs, said], [1, ["h1-again ack"]]);
  await dispatcher.stop(0);
});

Deno.test("Dispatcher does not run a held message again when a recreated consumer delivers it", async () => {
  const done = gate();
  let runs = 0;
  const { dispatcher, deliver, said } = setup(() => {
    runs++;
    return done.promise;
  });
  deliver(1, "h1");
  await settled();
  deliver(1, "h1-anew", 1);
  await settled();
  assert.deepEqual([runs, dispatcher.inFlight], [1, 1]);
  done.resolve();
  await dispatcher.stop(0);
  assert.deepEqual([runs, said], [1, ["h1-anew ack"]]);
});

Deno.test("Dispatcher does not run a delivery whose lease expired", async () => {
  const runs: number[] = [];
  const { dispatcher, deliver, valid, kept, said, counts } = setup((n) => runs.push(n));
  valid.set("h1", false);
  valid.set("h2", Promise.resolve(false));
  deliver(1);
  deliver(2, "h2", 3);
  deliver(3);
  await settled();
  assert.deepEqual([runs, counts, dispatcher.inFlight], [[3], [], 0]);
  assert.deepEqual(said.toSorted(), ["h1 lease-expired", "h2 lease-expired", "h3 ack"]);
  assert.deepEqual([...kept.values()], ["released", "released", "released"]);
  await dispatcher.stop(0);
});

Deno.test("Dispatcher waits for the lease check after a handler blocked the thread", async () => {
  const runs: number[] = [], breath = gate<boolean>();
  const { dispatcher, deliver, valid } = setup((n) => runs.push(n));
  valid.set("h1", breath.promise);
  deliver(1);
  await settled();
  assert.deepEqual(runs, []);
  breath.resolve(true);
  await settled();
  assert.deepEqual(runs, [1]);
  await dispatcher.stop(0);
});

Deno.test("Dispatcher gives back waiting deliveries at shutdown, unless their lease expired", async () => {
  const done = gate();
  const { dispatcher, deliver, valid, said } = setup(() => done.promise, 1);
  deliver(1);
  valid.set("h2", false);
  deliver(2);
  deliver(3);
  await settled();
  const stopped = dispatcher.stop(1_000);
  await settled();
  done.resolve();
  await stopped;
  assert.deepEqual(said.toSorted(), ["h1 ack", "h2 lease-expired", "h3 retry"]);
});

Deno.test("Dispatcher gives back at shutdown once its own pulls have ended, which would bring the delivery again", async () => {
  const done = gate(), ended = gate();
  const { dispatcher, deliver, said, source, reasons } = setup(() => done.promise, 1);
  source.stop = () => ended.promise;
  deliver(1);
  deliver(2);
  await settled();
  const stopped = dispatcher.stop(1_000);
  deliver(3);
  done.resolve();
  await settled();
  assert.deepEqual(said, ["h1 ack"]);
  ended.resolve();
  await stopped;
  assert.deepEqual(said, ["h1 ack", "h2 retry", "h3 retry"]);
  assert.deepEqual([reasons.get("h2"), reasons.get("h3")], ["shutdown 0", "shutdown 0"]);
});

Deno.test("Dispatcher gives a delivery back with its telemetry and its counts", async () => {
  const done = gate();
  const { dispatcher, deliver, seen, usedUp } = setup(() => done.promise, 1);
  deliver(1);
  deliver(2);
  deliver(3, "h3", 2);
  await settled();
  assert.deepEqual(seen, ["begin 1"]);
  const stopped = dispatcher.stop(1_000);
  await settled();
  assert.deepEqual(seen.slice(1).toSorted(), ["begin 2", "begin 3", "end 2 retry", "end 3 retry"]);
  // The stored counts of a redelivery were not read, and must stay as they are.
  assert.deepEqual([usedUp.get("h2")?.attempts, usedUp.get("h2")?.excusedDeliveries], [0, 1]);
  assert.deepEqual([usedUp.has("h3"), usedUp.get("h3")], [true, undefined]);
  done.resolve();
  await stopped;
});

Deno.test("Dispatcher settles no message of a stream that was created again, and keeps those of the new one", async () => {
  const done = gate();
  const { dispatcher, deliver, kept, said } = setup(() => done.promise);
  deliver(1, "old"); // stored after one second
  await settled();
  deliver(2, "new"); // stored after two seconds
  dispatcher.forgetStream("OTHER", Infinity);
  dispatcher.forgetStream("WORK", 2_000);
  assert.deepEqual([...kept], [["old", "released"], ["new", "held"]]);
  await settled();
  done.resolve();
  await dispatcher.stop(0);
  assert.deepEqual(said, [" ack", "new ack"]);
});

Deno.test("Dispatcher.ahead is what a quick handler begins soon, less what waits, and nothing before its mark is stored", async () => {
  const held = gate();
  const { clock, counts, dispatcher, deliver } = setup((n) => n < 100 ? undefined : held.promise, 2, undefined, 6);
  const quick = async (from: number, most = 99) => {
    for (let n = from; n < from + 4; n++) deliver(n);
    clock.move(1);
    await settled();
    return dispatcher.ahead(clock.now(), most);
  };
  assert.equal(dispatcher.ahead(clock.now(), 99), 0);
  assert.deepEqual([await quick(20, 0), counts], [0, []]);
  assert.deepEqual([await quick(1), counts], [0, ["mark"]]);
  assert.equal(await quick(5), 6);
  for (const n of [100, 101, 102]) deliver(n);
  await settled();
  assert.deepEqual([dispatcher.credits(), dispatcher.ahead(clock.now(), 99), dispatcher.running], [0, 5, 2]);
  assert.equal(dispatcher.roomAhead(), 5);
  held.resolve();
  await dispatcher.stop(0);
  assert.equal(dispatcher.ahead(clock.now(), 99), 0);
});

Deno.test("Dispatcher.ahead is nothing while admission is limited", async () => {
  const { clock, dispatcher, deliver } = setup(() => {}, 2, undefined, 6);
  for (const n of [1, 2, 3]) deliver(n);
  await settled();
  dispatcher.ahead(clock.now(), 99);
  await settled();
  assert.ok(dispatcher.ahead(clock.now(), 99) > 0);
  dispatcher.pipeline.admission.add({ permits: () => 8, admitsAgainAtMs: () => undefined, onChange: () => {} });
  assert.equal(dispatcher.ahead(clock.now(), 99), 0);
  await dispatcher.stop(0);
});

Deno.test("[G17] Dispatcher gives back within a second what cannot begin, without using an attempt, and keeps the rest leased", async () => {
  const done = gate();
  const { clock, dispatcher, deliver, said, kept, usedUp } = setup(() => done.promise, 1);
  for (const n of [1, 2, 3]) deliver(n);
  await settled();
  clock.move(999);
  await settled();
  assert.deepEqual([said, kept.get("h2"), dispatcher.inFlight], [[], "held", 3]);
  clock.move(1);
  await settled();
  assert.deepEqual([said, kept.get("h2"), dispatcher.inFlight], [["h2 retry", "h3 retry"], "released", 1]);
  assert.deepEqual([usedUp.get("h2")?.attempts, usedUp.get("h2")?.excusedDeliveries], [0, 1]);
  done.resolve();
  await dispatcher.stop(0);
});

Deno.test("[G17] Dispatcher gives back what waits and what arrives once the function's breaker is open, without using an attempt", async () => {
  const done = gate();
  const { dispatcher, deliver, reasons, said, usedUp } = setup(() => done.promise, 10);
  for (let n = 1; n <= 12; n++) deliver(n);
  await settled();
  done.reject(new Error("down"));
  await settled();
  deliver(13);
  await settled();
  assert.equal(dispatcher.pipeline.breaker.state.kind, "open");
  assert.deepEqual([said.length, dispatcher.inFlight], [13, 0]);
  for (const name of ["h11", "h12", "h13"]) {
    const used = usedUp.get(name);
    assert.deepEqual([reasons.get(name), used?.attempts, used?.excusedDeliveries], ["prefetched 2000", 0, 1], name);
  }
  await dispatcher.stop(0);
});

/** One key, of which one event runs at a time. */
const BY_KEY = { limit: 16, perKey: 1, by: () => "a" };

Deno.test("[G17] Dispatcher gives back what waits for its key once the function's breaker is open", async () => {
  const done = gate();
  let fails = 9;
  const { dispatcher, deliver, reasons, usedUp } = setup(() => fails-- > 0 ? assert.fail() : done.promise, BY_KEY);
  for (let n = 1; n <= 12; n++) deliver(n);
  await settled();
  done.reject(new Error("down"));
  await settled();
  assert.deepEqual([dispatcher.pipeline.breaker.state.kind, dispatcher.inFlight], ["open", 0]);
  for (const name of ["h11", "h12"]) {
    assert.deepEqual([reasons.get(name), usedUp.get(name)?.attempts], ["prefetched 2000", 0], name);
  }
  await dispatcher.stop(0);
});

Deno.test("Dispatcher does not run an event that was cancelled while it waited for its key", async () => {
  const done = gate(), begun: number[] = [], cancelled = new Set<number>();
  const handler = (n: number) => begun.push(n) === 1 ? done.promise : undefined;
  const { dispatcher, deliver, said } = setup(handler, BY_KEY, undefined, 0, cancelled);
  for (let n = 1; n <= 3; n++) deliver(n);
  await settled();
  cancelled.add(2);
  done.resolve();
  await settled();
  assert.deepEqual([begun, said], [[1, 3], ["h1 ack", "h2 dead-letter", "h3 ack"]]);
  await dispatcher.stop(0);
});

Deno.test("Dispatcher lets another key make the probe of a breaker while the key of the first event is busy", async () => {
  const done = gate(), down = new Set([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  const by = ({ data }: WeirEvent) => (data as number) % 2 ? "odd" : "even";
  const handler = (n: number) => n === 1 ? done.promise : void assert.ok(!down.has(n));
  const { dispatcher, deliver, clock, reasons } = setup(
    handler,
    { limit: 16, perKey: 1, by },
    undefined,
    0,
    new Set(),
    "5m",
  );
  for (const n of [1, ...down]) deliver(n);
  await settled();
  assert.equal(dispatcher.pipeline.breaker.state.kind, "open");
  await clock.advance("30s");
  assert.equal(dispatcher.credits(), 1);
  deliver(3); // of the key that is busy
  await settled();
  assert.match(reasons.get("h3")!, /^key-limited /);
  assert.equal(dispatcher.credits(), 1);
  deliver(22);
  await settled();
  assert.equal(dispatcher.pipeline.breaker.state.kind, "closed");
  done.resolve();
  await dispatcher.stop(0);
});

Deno.test("Dispatcher takes the permit of a breaker for no delivery that arrived while only a rate limited it", async () => {
  const held = gate();
  const { dispatcher, deliver } = setup(() => held.promise);
  const rule = { admitsAgainAtMs: () => undefined, onChange: () => {} };
  dispatcher.pipeline.admission.add({ ...rule, permits: () => 8, countsStarts: true });
  deliver(1);
  await settled();
  dispatcher.pipeline.admission.add({ ...rule, permits: () => 1 });
  assert.equal(dispatcher.credits(), 1);
  deliver(2);
  await settled();
  assert.equal(dispatcher.credits(), 0);
  held.resolve();
  await dispatcher.stop(0);
});
