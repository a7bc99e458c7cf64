import assert from "node:assert/strict";
import { MAX_EVENTS } from "../../runtime/http/batch_publisher.ts";
import { PublishError } from "../../runtime/engine/publisher.ts";
import { BATCH, envelope, inChunks, line, linesOf, NDJSON, problemOf, setup } from "../support/ingress.ts";

const UTF8 = new TextEncoder();
const headers = { "content-type": NDJSON };
const batchOf = (count: number) => Array.from({ length: count }, (_, i) => envelope({ id: `order-${i}` }));

Deno.test("BatchPublisher keeps 256 events of a batch pending at the most, in order", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000_000 });
  let pending = 0, most = 0;
  publisher.answer = async () => {
    most = Math.max(most, ++pending);
    await new Promise((resolve) => setTimeout(resolve));
    pending--;
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const response = await send("/events", { json: batchOf(1_000), headers: { "content-type": BATCH } });
  assert.equal(response.status, 202);
  assert.equal((await response.json()).length, 1_000);
  assert.equal(most, 256);
  assert.deepEqual(publisher.published.map(({ id }) => id), batchOf(1_000).map((_, i) => `order-${i}`));
});

Deno.test("BatchPublisher does not try the rest of a batch after an event could not be stored", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000_000 });
  publisher.answer = () => Promise.reject(new PublishError("unavailable", "why"));
  const response = await send("/events", { json: batchOf(1_000), headers: { "content-type": BATCH } });
  const { status, detail, results } = await problemOf(response);
  assert.deepEqual([status, detail], [503, "0 of 1000 events were stored: `results` says which"]);
  assert.equal(publisher.published.length, 256);
  assert.equal(results.length, 1_000);
  assert.equal(results[0].detail, "why; send it again with the same id");
  assert.equal(results[999].detail, "not tried, since another event could not be stored");
});

Deno.test("BatchPublisher stores the other events of a batch when one is at fault itself", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000_000 });
  publisher.answer = ({ id }) => {
    if (id === "order-0") throw new PublishError("too-large", "why");
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const response = await send("/events", { json: batchOf(1_000), headers: { "content-type": BATCH } });
  const { status, detail } = await problemOf(response);
  assert.deepEqual([status, detail], [413, "999 of 1000 events were stored: `results` says which"]);
});

Deno.test("BatchPublisher reads nothing more while 256 events are pending", async () => {
  const { send, publisher } = setup();
  const full = Promise.withResolvers<void>(), stored = Promise.withResolvers<void>();
  publisher.answer = async () => {
    if (publisher.published.length === 256) full.resolve();
    await stored.promise;
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  let chunks = 0;
  const body = new ReadableStream({
    pull: (controller) => ++chunks > 1_000 ? controller.close() : controller.enqueue(UTF8.encode(`${line()}\n`)),
  }, { highWaterMark: 0 });
  const responding = send("/events", { body, headers });
  await full.promise;
  for (let tick = 0; tick < 20; tick++) await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual([publisher.published.length, chunks], [256, 257]);
  stored.resolve();
  assert.equal((await (await responding).json()).length, 1_000);
});

Deno.test("BatchPublisher holds only pending events of a body of a hundred megabytes", async () => {
  const LINES = 50_000, note = "x".repeat(2_000);
  let sent = 0, stored = 0, most = 0;
  const { send, publisher } = setup({ maxBytes: 4_000 });
  publisher.store = async () => {
    most = Math.max(most, sent - stored);
    await Promise.resolve();
    return { stream: "ORDERS", sequence: ++stored, duplicate: false };
  };
  const chunk = UTF8.encode(`${line({ note })}\n`.repeat(10));
  const body = new ReadableStream({
    pull: (controller) => {
      if (sent === LINES) return controller.close();
      controller.enqueue(chunk);
      sent += 10;
    },
  }, { highWaterMark: 0 });
  const response = await send("/events", { body, headers });
  assert.deepEqual([response.status, stored], [202, LINES]);
  assert.ok(chunk.length * LINES / 10 > 100_000_000);
  assert.ok(most <= 256 + 20, `${most} events were pending`);
  assert.equal((await response.json()).length, LINES);
});

Deno.test("BatchPublisher ends a request whose results are too long", async () => {
  const { send, publisher } = setup({ maxBytes: 10_000 });
  const bad = line({ type: "x".repeat(1_000) });
  const body = inChunks(UTF8.encode(`${line()}\n${`${bad}\n`.repeat(17_000)}`), 65_536);
  const { status, results } = await problemOf(await send("/events", { body, headers }));
  assert.deepEqual([status, publisher.published.length], [413, 1]);
  assert.ok(results.length < 17_000, `${results.length} results were held`);
});

Deno.test("BatchPublisher leaves out the errors in the data of further events after a megabyte of results", async () => {
  const { send } = setup({ maxBytes: 10_000 });
  const bad = line({ data: { orderId: "o1", items: Array.from({ length: 100 }, () => 7) } });
  const body = inChunks(UTF8.encode(`${bad}\n`.repeat(1_000)), 65_536);
  const response = await send("/events", { body, headers });
  const { length } = await response.clone().text(), { results } = await problemOf(response);
  assert.deepEqual([results.length, results[0].errors.length, results[999].errors], [1_000, 50, undefined]);
  assert.ok(length < 2_000_000, `${length} characters`);
});

Deno.test("BatchPublisher reads but does not try the lines after one that could not be stored", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000 });
  publisher.answer = ({ id }) => {
    if (id === "order-300") throw new PublishError("unavailable", "why");
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const response = await send("/events", { body: inChunks(UTF8.encode(linesOf(2_000)), 1_000), headers });
  assert.equal(response.headers.get("retry-after"), "5");
  const { status, detail, results } = await problemOf(response);
  const stored = results.filter((result: { id?: string }) => result.id !== undefined).length;
  assert.deepEqual([status, results.length], [503, 2_000]);
  assert.equal(detail, `${stored} of 2000 events were stored: \`results\` says which`);
  assert.ok(publisher.published.length < 600, `${publisher.published.length} were tried`);
  assert.equal(stored, publisher.published.length - 1);
  assert.equal(results[300].detail, "line 301: why; send it again with the same id");
  assert.deepEqual(results[1_999], {
    status: 503,
    title: "Service Unavailable",
    detail: "not tried, since another event could not be stored",
  });
});

Deno.test("BatchPublisher answers an outage with Retry-After, even if an earlier line is at fault", async () => {
  const { send, publisher } = setup();
  publisher.answer = () => Promise.reject(new PublishError("full", "why"));
  const response = await send("/events", { body: `{}\n${line()}\n`, headers });
  assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "30"]);
  assert.deepEqual((await response.json()).results.map(({ status }: { status: number }) => status), [400, 503]);
});

Deno.test("BatchPublisher stores a hundred thousand events of a request and refuses the rest", async () => {
  const { send, publisher } = setup();
  publisher.store = () => Promise.resolve({ stream: "ORDERS", sequence: 1, duplicate: false });
  const body = inChunks(UTF8.encode(`${line()}\n`.repeat(MAX_EVENTS + 1)), 65_536);
  const { status, detail, results } = await problemOf(await send("/events", { body, headers }));
  assert.deepEqual([status, results.length], [413, 100_000]);
  assert.equal(
    detail,
    "a request may have 100000 events and 16777216 characters of results: send the rest in another; " +
      "100000 of 100000 events were stored: `results` says which",
  );
});

/** Refused lines of two bytes: each has a result of some 170 bytes. */
const refusedLines = (count: number) => UTF8.encode("x\n".repeat(count));

Deno.test("BatchPublisher lets timers and other requests run while it refuses the lines of a chunk", async () => {
  const { send } = setup({ maxBytes: 1_000_000 });
  let ticks = 0, lastMs = performance.now(), longestMs = 0;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    [ticks, lastMs] = [ticks + 1, nowMs];
  }, 1);
  const body = () => new Blob([refusedLines(10_000)]).stream();
  const answers = await Promise.all(Array.from({ length: 10 }, () => send("/events", { body: body(), headers })));
  clearInterval(timer);
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [400]);
  assert.ok(ticks > 20, `${ticks} ticks, the longest ${longestMs} ms`);
});

Deno.test("BatchPublisher takes memory for results while it refuses the lines of a chunk", async () => {
  const { send } = setup({ maxBytes: 1_000_000, memoryBytes: 2_000_000 });
  const answers = await Promise.all(Array.from({ length: 20 }, async () => {
    const response = await send("/events", { body: new Blob([refusedLines(5_000)]).stream(), headers });
    return { status: response.status, length: (await response.text()).length };
  }));
  assert.ok(answers.some(({ status }) => status === 503));
  const held = answers.reduce((total, { length }) => total + length, 0);
  assert.ok(held < 4_000_000, `the answers have ${held} bytes, of ${answers.length * 5_000 * 170}`);
});

Deno.test("readLines takes memory for each line, not only for its text", async () => {
  const { send } = setup({ maxBytes: 1_000_000, memoryBytes: 1_000_000 });
  const body = new Blob([refusedLines(20_000)]).stream();
  assert.equal((await send("/events", { body, headers })).status, 503);
});
