import { trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { defineFunction } from "weir";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import type { Consumer, ConsumerSink, Ports } from "../../runtime/engine/ports.ts";
import { Dispatcher } from "../../runtime/engine/dispatcher.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import { MemoryKvStore } from "../../runtime/testing/memory_kv.ts";
import { registryOf } from "../../runtime/testing/modules.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { gate } from "../support/invocation.ts";
import { HeaderList } from "../../runtime/core/headers.ts";
import { ackSubjectText } from "../../runtime/nats/consume/parse_delivery.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A worker for `handler`, and what it says of its deliveries to the server and to what keeps them. */
function setup(handler: (n: number) => unknown, concurrency = 2) {
  const clock = new TestClock();
  const said: string[] = [], kept = new Map<string, string>();
  const mine = new Map<string, boolean | Promise<boolean>>();
  const counts: string[] = [];
  const ports: Ports = {
    clock,
    publisher: { publish: () => Promise.reject(new Error("nothing is published here")) },
    settler: {
      settle: (_name, { ackSubject }, outcome) => {
        said.push(`${ackSubject} ${outcome.kind}`);
        return Promise.resolve({ ok: true });
      },
      extend: ({ ackSubject }) => void said.push(`${ackSubject} extend`),
    },
    attempts: {
      read: () => Promise.resolve(undefined),
      write: (_name, { ackSubject }) => Promise.resolve(void counts.push(ackSubjectText(ackSubject))),
    },
    observer: {
      observe: (_invocation, run) => run({ span: trace.getTracer("test").startSpan("test"), log: silent }),
      breakerChanged: () => {},
    },
    idempotency: { claim: () => Promise.reject(new Error("nothing is claimed here")) },
    kv: new MemoryKvStore(),
  };
  const definition = defineFunction({ on: "work.asked", concurrency }, ({ data }) => handler(data as number));
  const [fn] = registryOf({ work: definition }).functions;
  const source: Consumer = {
    start: (given: ConsumerSink) => sink = given,
    wake: () => {},
    stop: () => Promise.resolve(),
    problem: () => undefined,
  };
  let sink!: ConsumerSink;
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), ports);
  const worker = new Dispatcher(pipeline, [source], 5_000, {
    hold: (first) => {
      let name = ackSubjectText(first);
      kept.set(name, "held");
      return {
        mine: () => mine.get(name) ?? true,
        renew: (handle) => {
          kept.set(name, `now ${handle}`);
          name = ackSubjectText(handle);
        },
        release: () => void kept.set(name, "released"),
      };
    },
  });
  worker.start();
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
      messageKey: `WORK.${n}`,
      ackSubject,
    };
    sink.deliver(delivery);
  };
  return { clock, said, kept, mine, counts, worker, deliver };
}

/** All that can happen without time going by has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve));
}

Deno.test("what is held is kept from its delivery to its settlement", async () => {
  const done = gate();
  const { worker, deliver, kept, said, clock } = setup(() => done.promise);
  deliver(1);
  assert.deepEqual([...kept], [["h1", "held"]]);
  await settled();
  clock.move(5_000);
  done.resolve();
  await worker.stop(0);
  assert.deepEqual([...kept], [["h1", "released"]]);
  assert.deepEqual(said, ["h1 extend", "h1 ack"]);
});

Deno.test("what is handed out again while it is held is kept by its new name, and not run again", async () => {
  const done = gate();
  let runs = 0;
  const { worker, deliver, kept, said } = setup(() => {
    runs++;
    return done.promise;
  });
  deliver(1);
  await settled();
  deliver(1, "h1-again", 2);
  assert.deepEqual([...kept], [["h1", "now h1-again"]]);
  done.resolve();
  await worker.stop(0);
  assert.deepEqual([runs, said], [1, ["h1-again ack"]]);
});

Deno.test("what came together is held before the first of it begins, and run once if it came twice", async () => {
  const done = gate();
  const begun: [n: number, held: string[]][] = [];
  const { worker, deliver, kept, said } = setup((n) => {
    begun.push([n, [...kept].filter(([, state]) => state !== "released").map(([name]) => name)]);
    return done.promise;
  });
  deliver(1);
  deliver(2);
  deliver(1, "h1-again", 2);
  assert.equal(worker.inFlight, 3);
  await settled();
  assert.deepEqual(begun, [[1, ["h1", "h2", "h1-again"]], [2, ["h1", "h2", "h1-again"]]]);
  assert.equal(worker.inFlight, 2);
  done.resolve();
  await worker.stop(0);
  assert.deepEqual(said, ["h1-again ack", "h2 ack"]);
});

Deno.test("what a consumer that was made anew hands out for the first time, while it is held, is not run again", async () => {
  const done = gate();
  let runs = 0;
  const { worker, deliver, said } = setup(() => {
    runs++;
    return done.promise;
  });
  deliver(1, "h1");
  await settled();
  deliver(1, "h1-anew", 1);
  await settled();
  assert.deepEqual([runs, worker.inFlight], [1, 1]);
  done.resolve();
  await worker.stop(0);
  assert.deepEqual([runs, said], [1, ["h1-anew ack"]]);
});

Deno.test("what was lost before it began is not run, and nothing is told the server of it", async () => {
  const runs: number[] = [];
  const { worker, deliver, mine, kept, said, counts } = setup((n) => runs.push(n));
  mine.set("h1", false);
  mine.set("h2", Promise.resolve(false));
  deliver(1);
  deliver(2, "h2", 3);
  deliver(3);
  await settled();
  assert.deepEqual([runs, counts, worker.inFlight], [[3], [], 0]);
  assert.deepEqual(said.toSorted(), ["h1 lease-expired", "h2 lease-expired", "h3 ack"]);
  assert.deepEqual([...kept.values()], ["released", "released", "released"]);
  await worker.stop(0);
});

Deno.test("a handler waits for the thread to take breath after another blocked it", async () => {
  const runs: number[] = [], breath = gate<boolean>();
  const { worker, deliver, mine } = setup((n) => runs.push(n));
  mine.set("h1", breath.promise);
  deliver(1);
  await settled();
  assert.deepEqual(runs, []);
  breath.resolve(true);
  await settled();
  assert.deepEqual(runs, [1]);
  await worker.stop(0);
});

Deno.test("at shutdown what is lost is not given back: it would be taken from whom it is with", async () => {
  const done = gate();
  const { worker, deliver, mine, said } = setup(() => done.promise, 1);
  deliver(1);
  mine.set("h2", false);
  deliver(2);
  deliver(3);
  await settled();
  const stopped = worker.stop(1_000);
  await settled();
  done.resolve();
  await stopped;
  assert.deepEqual(said.toSorted(), ["h1 ack", "h2 lease-expired", "h3 retry"]);
});
