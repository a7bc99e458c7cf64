import { jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Answered = defineEvent({ type: "demo.answered", version: 1, data: z.object({ n: z.int() }) });
const quick = { attempts: 3, initial: "10ms", max: "20ms" } as const;

/** Records what a function does, in order. `reached` resolves at a count of records. */
function recorder<Item>() {
  const items: Item[] = [];
  let waiting: { count: number; resolve: () => void } | undefined;
  return {
    items,
    add: (item: Item) => {
      items.push(item);
      if (waiting && items.length >= waiting.count) waiting.resolve();
    },
    reached: (count: number) =>
      new Promise<void>((resolve) => items.length >= count ? resolve() : waiting = { count, resolve }),
  };
}

async function rawPublish({ server }: TestRuntime, subject: string, payload: string | Uint8Array, hdrs = headers()) {
  const nc = await connect({ servers: server.url });
  nc.publish(subject, payload, hdrs.keys().length > 0 ? { headers: hdrs } : {});
  await nc.drain();
}

Deno.test("defineFunction handles a message without headers: id from stream and sequence, type from the subject", async () => {
  const seen = recorder<Record<string, unknown>>();
  const plain = defineFunction({ on: Asked }, ({ id, type, source, data }) => seen.add({ id, type, source, data }));
  await using runtime = await startTestRuntime({ functions: { plain } });
  await rawPublish(runtime, "demo.asked", '{"n":1}');
  await seen.reached(1);
  assert.deepEqual(seen.items, [{ id: "DEMO:1", type: "demo.asked", source: "/streams/DEMO", data: { n: 1 } }]);
});

Deno.test("defineFunction dead-letters a payload that is no event as `invalid` without a handler run, and goes on", async () => {
  const seen = recorder<number>();
  const strict = defineFunction({ on: Asked, concurrency: 1 }, ({ data }) => seen.add(data.n));
  await using runtime = await startTestRuntime({ functions: { strict } });
  await rawPublish(runtime, "demo.asked", new Uint8Array([0xff, 0x00, 0xfe]));
  await rawPublish(runtime, "demo.asked", "not json");
  await rawPublish(runtime, "demo.asked", '{"n":"one"}');
  await runtime.publish(Asked, { n: 4 });
  await seen.reached(1);
  assert.deepEqual(seen.items, [4]);
  const { headers } = await runtime.waitForDeadLetter("strict");
  assert.equal(headers["weir-reason"], "invalid");
  assert.equal(headers["weir-error"], "InvalidEventError: the payload (3 bytes) is not UTF-8 text");
});

Deno.test("retry.attempts limits the runs of a handler that throws, and nothing that it emits is published", async () => {
  const attempts = recorder<number>();
  const failing = defineFunction({ on: Asked, emits: [Answered], retry: quick }, ({ data }, ctx) => {
    ctx.emit(Answered, data);
    attempts.add(ctx.attempt);
    throw new Error(`attempt ${ctx.attempt} failed`);
  });
  await using runtime = await startTestRuntime({ functions: { failing } });
  await runtime.publish(Asked, { n: 1 }, { id: "event-1" });
  const { subject, data, headers } = await runtime.waitForDeadLetter("failing");
  assert.deepEqual(attempts.items, [1, 2, 3]);
  assert.equal(subject, "dead_letters.failing.demo.asked");
  assert.deepEqual(data, { n: 1 });
  assert.equal(headers["weir-reason"], "attempts-exhausted");
  assert.equal(headers["weir-attempts"], "3");
  assert.equal(headers["weir-error"], "Error: attempt 3 failed");
  assert.equal(headers["weir-stream"], "DEMO");
  assert.equal(headers["weir-sequence"], "1");
  assert.equal(headers["ce-id"], "event-1");
});

Deno.test("ctx.emit publishes once when a later attempt succeeds, with an id that all attempts share", async () => {
  const flaky = defineFunction({ on: Asked, emits: [Answered], retry: quick }, ({ data }, ctx) => {
    ctx.emit(Answered, data);
    if (ctx.attempt < 3) throw new Error("not yet");
  });
  await using runtime = await startTestRuntime({ functions: { flaky } });
  await runtime.publish(Asked, { n: 1 }, { id: "event-1" });
  const { headers } = await runtime.waitForEvent(Answered);
  assert.equal(headers["ce-source"], "/functions/flaky");
  assert.match(headers["ce-id"], /^emitted-[0-9a-f]{32}$/);
  assert.equal(headers["nats-msg-id"], `/functions/flaky ${headers["ce-id"]}`);
});

Deno.test("[G17] ctx.emit into a full stream is retried until the stream has space, and uses up no attempt", async () => {
  const Told = defineEvent({ type: "news.told", version: 1, data: z.object({ n: z.int() }) });
  const tried = recorder<number>();
  const teller = defineFunction(
    { on: Asked, emits: [Told], retry: { ...quick, attempts: 1 } },
    ({ data }, { attempt, emit }) => {
      tried.add(attempt);
      emit(Told, data);
    },
  );
  await using runtime = await startTestRuntime({ functions: { teller } });
  const nc = await connect({ servers: runtime.server.url });
  const jsm = await jetstreamManager(nc);
  await runtime.publish(Told, { n: 0 });
  await jsm.streams.update("NEWS", { max_msgs: 1 });
  await runtime.publish(Asked, { n: 1 });
  await tried.reached(4);
  await jsm.streams.update("NEWS", { max_msgs: -1 });
  assert.deepEqual((await runtime.waitForEvent(Told, ({ n }) => n === 1)).data, { n: 1 });
  assert.deepEqual(tried.items.slice(0, 4), [1, 1, 1, 1]);
  assert.equal((await jsm.streams.info("DEAD_LETTERS")).state.messages, 0);
  await nc.close();
});

Deno.test("NonRetryableError dead-letters the event as `rejected` at once", async () => {
  const attempts = recorder<number>();
  const refusing = defineFunction({ on: Asked, retry: quick }, (_event, { attempt }) => {
    attempts.add(attempt);
    throw new NonRetryableError("never");
  });
  await using runtime = await startTestRuntime({ functions: { refusing } });
  await runtime.publish(Asked, { n: 1 });
  const { headers } = await runtime.waitForDeadLetter("refusing");
  assert.equal(headers["weir-reason"], "rejected");
  assert.deepEqual(attempts.items, [1]);
});

Deno.test("RetryAfterError redelivers the event no sooner than its delay", async () => {
  const times = recorder<number>();
  const patient = defineFunction({ on: Asked, retry: quick }, () => {
    times.add(Date.now());
    if (times.items.length === 1) throw new RetryAfterError("300ms");
  });
  await using runtime = await startTestRuntime({ functions: { patient } });
  await runtime.publish(Asked, { n: 1 });
  await times.reached(2);
  assert.ok(times.items[1] - times.items[0] >= 300);
});

Deno.test("timeout abandons a handler that ignores its signal, and the event is retried", async () => {
  const reasons = recorder<string>();
  const stuck = defineFunction({ on: Asked, timeout: "50ms", retry: { ...quick, attempts: 2 } }, (_event, ctx) => {
    ctx.signal.addEventListener("abort", () => reasons.add(ctx.signal.reason.name));
    return new Promise(() => {});
  });
  await using runtime = await startTestRuntime({ functions: { stuck } });
  await runtime.publish(Asked, { n: 1 });
  const { headers } = await runtime.waitForDeadLetter("stuck");
  assert.equal(headers["weir-error"], "TimeoutError: stuck took longer than its timeout of 50ms");
  assert.deepEqual(reasons.items, ["TimeoutError", "TimeoutError"]);
});

Deno.test("defineFunction receives several event types from several streams", async () => {
  const Other = defineEvent({ type: "other.asked", version: 1, data: z.object({ n: z.int() }) });
  const seen = recorder<string>();
  const both = defineFunction({ on: [Asked, Other, "legacy.*.done"] }, ({ type }) => seen.add(type));
  await using runtime = await startTestRuntime({ functions: { both } });
  await runtime.publish(Asked, { n: 1 });
  await runtime.publish(Other, { n: 2 });
  await rawPublish(runtime, "legacy.import.done", '{"any":"thing"}');
  await seen.reached(3);
  assert.deepEqual(seen.items.toSorted(), ["demo.asked", "legacy.import.done", "other.asked"]);
});

Deno.test("RetryAfterError and redrive keep the id of a message that is no CloudEvent", async () => {
  const seen = recorder<string>();
  const patient = defineFunction({ on: "raw.asked", retry: { attempts: 3 } }, ({ id }) => {
    seen.add(id);
    if (seen.items.length <= 2) throw new RetryAfterError("5s");
    if (seen.items.length <= 4) throw new NonRetryableError("no");
  });
  await using runtime = await startTestRuntime({ functions: { patient } });
  const hdrs = headers();
  hdrs.set("Nats-Msg-Id", "order-1");
  await rawPublish(runtime, "raw.asked", "{}", hdrs);
  await rawPublish(runtime, "raw.asked", "{}");
  await seen.reached(4);
  const letters = async () => await (await fetch(`${runtime.adminUrl}/dead-letters`)).json() as { id: string }[];
  await eventually(async () => (await letters()).length === 2);
  assert.deepEqual((await letters()).map(({ id }) => id).toSorted(), ["RAW:2", "order-1"]);
  await (await fetch(`${runtime.adminUrl}/dead-letters/redrive`, { method: "POST" })).body?.cancel();
  await seen.reached(6);
  for (const from of [0, 2, 4]) {
    assert.deepEqual(seen.items.slice(from, from + 2).toSorted(), ["RAW:2", "order-1"]);
  }
});
