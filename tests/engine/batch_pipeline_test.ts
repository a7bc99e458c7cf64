import assert from "node:assert/strict";
import { defineFunction } from "weir";
import type { AttemptCounts } from "../../runtime/engine/attempt_store.ts";
import type { Consumer, ConsumerSink } from "../../runtime/engine/consumer.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Dispatcher } from "../../runtime/engine/dispatcher.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { delivery } from "../support/deliveries.ts";
import { pipelinePorts } from "../support/pipeline_ports.ts";

/** A dispatcher of a function with batches of four, and what happens, in order. */
function setup(handler: (numbers: number[]) => unknown, written?: AttemptCounts) {
  const clock = new TestClock(delivery().storedAtMs), happened: string[] = [], expired = new Set<number>();
  const definition = defineFunction({
    on: "orders.>",
    batch: { size: 4 },
    retry: { jitter: "none" },
    breaker: { consecutiveFailures: 2, openFor: "10s" },
  }, (events) => {
    const numbers = events.map(({ data }) => data as number);
    happened.push(`run ${numbers.join(" ")}`);
    return handler(numbers);
  });
  const [fn] = registryOf({ store: definition }).functions;
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), {
    ...pipelinePorts(clock),
    settler: {
      settle: (_name, { sequence }, outcome) => {
        const reason = outcome.kind === "retry" ? ` ${outcome.reason}${outcome.usesAttempt ? "" : " free"}` : "";
        happened.push(`${outcome.kind}${reason} ${sequence}`);
        return Promise.resolve({ ok: true });
      },
      extend: ({ sequence }) => void happened.push(`extend ${sequence}`),
    },
    attempts: {
      read: () => Promise.resolve(written),
      write: (_name, { sequence }, { begun }) => Promise.resolve(void happened.push(`begun ${begun} ${sequence}`)),
      markPrefetching: () => Promise.resolve(),
    },
    observer: { begin() {}, end() {}, breakerChanged: ({ to }) => void happened.push(`breaker ${to}`) },
  });
  let sink!: ConsumerSink;
  const consumer: Consumer = {
    start: (given) => void (sink = given),
    wake: () => {},
    stop: () => Promise.resolve(),
    problem: () => undefined,
  };
  const lease = (sequence: number) => ({ isValid: () => !expired.has(sequence), renew() {}, release() {} });
  let taken = 0;
  const dispatcher = new Dispatcher(pipeline, [consumer], 5_000, { take: () => lease(taken) });
  dispatcher.start();
  const deliver = async (from: number, to: number, deliveryCount = 1) => {
    for (let sequence = from; sequence <= to; sequence++) {
      taken = sequence;
      const payload = new TextEncoder().encode(`${sequence}`);
      sink.deliver({ ...delivery(), payload, sequence, messageKey: `ORDERS.${sequence}`, deliveryCount });
    }
    await clock.advance(0);
  };
  const stopNow = async () => {
    const stopping = dispatcher.stop(0);
    await clock.advance(0);
    await stopping;
  };
  return { clock, deliver, stopNow, happened, dispatcher, sink, expired, breaker: pipeline.breaker };
}

Deno.test("Dispatcher has credits for the batch that runs and for one that is collected meanwhile", async () => {
  const { deliver, sink, stopNow } = setup(() => new Promise(() => {}));
  assert.equal(sink.credits(), 8);
  await deliver(1, 5);
  assert.equal(sink.credits(), 3);
  await deliver(6, 8);
  assert.equal(sink.credits(), 0);
  await stopNow();
});

Deno.test("Dispatcher keeps the leases of collected events, and at a stop gives them back without an attempt", async () => {
  const { deliver, happened, dispatcher, clock } = setup(() => {});
  await deliver(1, 2);
  clock.move(900);
  await deliver(3, 3);
  await dispatcher.stop(5_000);
  assert.deepEqual(happened, ["retry shutdown free 1", "retry shutdown free 2", "retry shutdown free 3"]);
});

Deno.test("Dispatcher extends the deliveries that wait for their batch", async () => {
  const { deliver, happened, stopNow, clock } = setup(() => new Promise(() => {}));
  await deliver(1, 5);
  clock.move(5_000);
  assert.deepEqual(happened.slice(1).toSorted(), [1, 2, 3, 4, 5].map((sequence) => `extend ${sequence}`));
  await stopNow();
});

Deno.test("Dispatcher lets a batch that runs finish at a stop", async () => {
  let end = () => {};
  const { deliver, happened, dispatcher } = setup(() => new Promise<void>((resolve) => end = resolve));
  await deliver(1, 5);
  const stopping = dispatcher.stop(5_000);
  await new Promise((resolve) => setTimeout(resolve));
  end();
  await stopping;
  assert.deepEqual(happened.toSorted(), ["ack 1", "ack 2", "ack 3", "ack 4", "retry shutdown free 5", "run 1 2 3 4"]);
});

Deno.test("Pipeline stores the count of each redelivery before its batch runs", async () => {
  const { deliver, happened } = setup(() => {}, { begun: 0, excused: 1, mayHaveEmitted: false });
  await deliver(1, 4, 2);
  assert.deepEqual(happened.slice(0, 5), ["begun 1 1", "begun 1 2", "begun 1 3", "begun 1 4", "run 1 2 3 4"]);
});

Deno.test("Pipeline leaves out of a batch what was decided before, and what has lost its lease while it waited", async () => {
  const { deliver, happened, clock, expired } = setup(() => {});
  await deliver(1, 3);
  expired.add(2);
  await clock.advance("1s");
  assert.deepEqual(happened, ["lease-expired 2", "run 1 3", "ack 1", "ack 3"]);
});

Deno.test("Pipeline counts a batch once for the breaker, and not as a failure if an event of it succeeds", async () => {
  const { deliver, happened, breaker, clock } = setup((numbers) =>
    assert.ok(!numbers.some((n) => n % 4 === 1 || n > 8))
  );
  await deliver(1, 4);
  await deliver(5, 8);
  assert.equal(breaker.state.kind, "closed");
  await deliver(9, 12);
  assert.equal(breaker.state.kind, "closed", "one failure");
  await deliver(13, 16);
  assert.equal(breaker.state.kind, "open", "a second one");
  assert.equal(happened.filter((what) => what.startsWith("retry failed ")).length, 10);
  await deliver(17, 17);
  await clock.advance("1s");
  assert.equal(happened.at(-1), "retry prefetched free 17");
});

Deno.test("Pipeline counts retries that fail for the breaker only while the first attempts of others fail too", async () => {
  const { deliver, breaker, clock } = setup((numbers) => assert.ok(!numbers.some((n) => n === 1 || n > 8)));
  await deliver(1, 4);
  for (let redelivery = 2; redelivery < 6; redelivery++) {
    await deliver(1, 1, redelivery);
    await clock.advance("1s");
  }
  assert.equal(breaker.state.kind, "closed");
  await deliver(9, 12);
  assert.equal(breaker.state.kind, "closed");
  await deliver(9, 9, 2);
  await clock.advance("1s");
  assert.equal(breaker.state.kind, "open");
});

Deno.test("Dispatcher pulls a single probe for a half-open breaker, which is a batch of its own", async () => {
  const { deliver, sink, breaker, clock, happened } = setup((numbers) => assert.ok(numbers[0] > 8));
  await deliver(1, 4);
  await deliver(5, 8);
  assert.deepEqual([breaker.state.kind, sink.credits()], ["open", 0]);
  await clock.advance("10s");
  assert.equal(sink.credits(), 1);
  await deliver(9, 9);
  assert.equal(sink.credits(), 0);
  await clock.advance("1s");
  assert.deepEqual([happened.at(-1), breaker.state.kind, sink.credits()], ["ack 9", "closed", 8]);
});
