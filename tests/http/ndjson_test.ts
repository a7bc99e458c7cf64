import assert from "node:assert/strict";
import { PublishError } from "../../runtime/engine/publisher.ts";
import { manualClock } from "../support/clocks.ts";
import { inChunks, line, linesOf, NDJSON, problemOf, setup } from "../support/ingress.ts";

const UTF8 = new TextEncoder();
const headers = { "content-type": NDJSON };
const idsOf = (events: readonly { id: string }[]) => events.map(({ id }) => id);

for (const size of [1, 2, 3, 7, 100_000]) {
  Deno.test(`POST /events reads NDJSON in chunks of ${size} bytes, with multi-byte characters and CRLF`, async () => {
    const { send, publisher } = setup();
    const orders = ["für 🚂", "日本", "o3"];
    const text = orders.map((orderId, i) => line({ id: `order-${i}`, data: { orderId } })).join("\r\n");
    const response = await send("/events", { body: inChunks(UTF8.encode(text), size), headers });
    assert.equal(response.status, 202);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.deepEqual(await response.json(), [
      { id: "order-0", type: "orders.created", stream: "ORDERS", sequence: 1, duplicate: false },
      { id: "order-1", type: "orders.created", stream: "ORDERS", sequence: 2, duplicate: false },
      { id: "order-2", type: "orders.created", stream: "ORDERS", sequence: 3, duplicate: false },
    ]);
    assert.deepEqual(publisher.published.map(({ json }) => JSON.parse(json)), orders.map((orderId) => ({ orderId })));
  });
}

for (const size of [1, 10_000]) {
  Deno.test(`POST /events skips blank lines in chunks of ${size}: keys count events, problems count lines`, async () => {
    const { send, publisher } = setup();
    const body = inChunks(UTF8.encode(`\n\r\n${line()}\n   \n${line()}\n\n{}\n${line()}\n\n`), size);
    const response = await send("/events", { body, headers: { ...headers, "idempotency-key": "k1" } });
    assert.deepEqual(idsOf(publisher.published), ["k1:0", "k1:1", "k1:3"]);
    const { results } = await problemOf(response);
    assert.equal(results[2].detail, 'line 7: a CloudEvent needs "specversion": "1.0"');
  });
}

Deno.test("POST /events answers NDJSON without events with an empty array", async () => {
  for (const body of ["", "\n", "\r\n\n"]) {
    const response = await setup().send("/events", { body, headers });
    assert.deepEqual([response.status, await response.json()], [202, []]);
  }
});

for (
  const [what, bad, status, title, detail] of [
    ["is not JSON", '{"id":', 400, "Malformed request", /^line 2: the line is not JSON: /],
    ["is not UTF-8", Uint8Array.of(34, 255, 34), 400, "Malformed request", /^line 2: the line is not UTF-8 text$/],
    [
      "has an unknown type",
      line({ type: "orders.gone" }),
      404,
      "Unknown event type",
      /^line 2: no event "orders\.gone"/,
    ],
    [
      "has no specversion",
      line({ specversion: undefined }),
      400,
      "Malformed request",
      /^line 2: a CloudEvent needs "spec/,
    ],
    [
      "is too large",
      line({ id: "x".repeat(2_000) }),
      413,
      "Content Too Large",
      /^line 2: the line is larger than the limit of 1000 /,
    ],
    [
      "is too large in bytes",
      line({ note: "🚂".repeat(300) }),
      413,
      "Content Too Large",
      /^line 2: the line is larger /,
    ],
  ] as const
) {
  for (const size of [11, 100_000]) {
    Deno.test(`POST /events refuses only the line that ${what}, in chunks of ${size}`, async () => {
      const { send, publisher } = setup({ maxBytes: 1_000 });
      const badBytes = typeof bad === "string" ? UTF8.encode(bad) : bad;
      const bytes = [UTF8.encode(`${line()}\n`), badBytes, UTF8.encode(`\n${line({ id: "order-3" })}`)];
      const body = inChunks(Uint8Array.from(bytes.flatMap((part) => [...part])), size);
      const problem = await problemOf(await send("/events", { body, headers }));
      assert.deepEqual([problem.status, problem.title], [status, title]);
      assert.equal(problem.detail, "2 of 3 events were stored: `results` says which");
      assert.deepEqual(idsOf(publisher.published), ["order-1", "order-3"]);
      const [first, refused, last] = problem.results;
      assert.deepEqual([first.id, first.sequence, last.id, last.sequence], ["order-1", 1, "order-3", 2]);
      assert.deepEqual([refused.status, refused.title], [status, title]);
      assert.match(refused.detail, detail);
    });
  }
}

Deno.test("POST /events reports every issue of a line that does not match the schema", async () => {
  const { send } = setup();
  const response = await send("/events", { body: line({ data: { orderId: 7 } }), headers });
  const { results } = await problemOf(response);
  assert.deepEqual(results, [{
    status: 400,
    title: "Invalid event data",
    detail: "line 1: the data does not match the schema of orders.created",
    errors: [{ path: "orderId", message: "Invalid input: expected string, received number" }],
  }]);
});

Deno.test("POST /events refuses a last line that is too large, and holds nothing of it", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000 });
  const body = inChunks(UTF8.encode(`${line()}\n${"x".repeat(50_000)}`), 700);
  const { status, results } = await problemOf(await send("/events", { body, headers }));
  assert.deepEqual([status, publisher.published.length, results.length, results[1].status], [413, 1, 2, 413]);
});

Deno.test("POST /events accepts NDJSON that is larger than the largest event", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000, memoryBytes: 50_000 });
  const response = await send("/events", { body: linesOf(100), headers: { ...headers, "content-length": "13000" } });
  assert.equal(response.status, 202);
  assert.deepEqual(idsOf(publisher.published), idsOf(await response.json()));
  assert.equal(publisher.published.length, 100);
});

Deno.test("POST /events answers 408 with results when no line ends for half a minute", async () => {
  const clock = manualClock();
  const { send, publisher } = setup({ clock });
  let cancelled = false;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(UTF8.encode(`${line()}\n${line().slice(0, 20)}`)),
    cancel: () => void (cancelled = true),
  });
  const responding = send("/events", { body, headers });
  await clock.timerSet(30_000);
  clock.advance(30_000);
  const response = await responding, { status, title, detail, results } = await problemOf(response);
  assert.equal(response.headers.get("connection"), "close");
  assert.deepEqual([status, title], [408, "Request Timeout"]);
  assert.equal(
    detail,
    "no line ended within 30 s; 1 of 1 events were stored: `results` says which",
  );
  assert.deepEqual([idsOf(results), publisher.published.length, cancelled], [["order-1"], 1, true]);
});

Deno.test("POST /events gives a line that arrives byte by byte no more time", async () => {
  const clock = manualClock();
  const { send } = setup({ clock });
  let sendByte = () => {}, pulled = Promise.withResolvers<void>();
  const body = new ReadableStream({
    pull: async (controller) => {
      await new Promise<void>((resolve) => {
        sendByte = resolve;
        pulled.resolve();
      });
      controller.enqueue(UTF8.encode(" "));
    },
  }, { highWaterMark: 0 });
  const responding = send("/events", { body, headers });
  await clock.timerSet(30_000);
  for (let i = 0; i < 3; i++) {
    clock.advance(9_000);
    pulled = Promise.withResolvers<void>();
    sendByte();
    await pulled.promise;
  }
  clock.advance(3_000);
  assert.equal((await responding).status, 408);
});

Deno.test("POST /events gives a body of blank lines no more time", async () => {
  const clock = manualClock();
  const { send } = setup({ clock });
  let controller!: ReadableStreamDefaultController, pulled = Promise.withResolvers<void>();
  const body = new ReadableStream({
    start: (given) => void (controller = given),
    pull: () => pulled.resolve(),
  }, { highWaterMark: 0 });
  const responding = send("/events", { body, headers });
  await clock.timerSet(30_000);
  for (let i = 0; i < 3; i++) {
    clock.advance(9_000);
    await pulled.promise;
    pulled = Promise.withResolvers<void>();
    controller.enqueue(UTF8.encode("\n \n"));
  }
  await pulled.promise;
  clock.advance(3_000);
  assert.equal((await responding).status, 408);
});

for (
  const [what, waste] of [
    ["blank lines", new Uint8Array(1_000_000).fill(10)],
    ["blank lines of spaces", UTF8.encode(`${" ".repeat(9_999)}\n`.repeat(4_000))],
    ["a line without an end", new Uint8Array(40_000_000).fill(32)],
  ] as const
) {
  Deno.test(`POST /events answers 413 to NDJSON of ${what}, after the events before them`, async () => {
    const { send, publisher } = setup();
    let at = 0;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(UTF8.encode(`${line()}\n`)),
      pull: (controller) => {
        if (at >= waste.length) return controller.close();
        controller.enqueue(waste.subarray(at, at += 65_536));
      },
    }, { highWaterMark: 0 });
    const { status, detail, results } = await problemOf(await send("/events", { body, headers }));
    assert.deepEqual([status, idsOf(results), publisher.published.length], [413, ["order-1"], 1]);
    assert.match(
      detail,
      /^more than 33554432 bytes of the body are no event: blank lines, .* limit of \d+ bytes.*; 1 of 1 events were stored/,
    );
    assert(at < waste.length, "it is not read to the end");
  });
}

Deno.test("POST /events takes NDJSON with a blank line after each event", async () => {
  const { send } = setup(), body = `${line()}\n\n`.repeat(1_000);
  assert.equal((await (await send("/events", { body, headers })).json()).length, 1_000);
});

Deno.test("POST /events stores the whole lines of a body that ends early", async () => {
  const { send, publisher } = setup();
  const chunks = [`${line()}\n`, line({ id: "order-2" })];
  const body = new ReadableStream({
    pull: (controller) => {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.error(new Error("connection reset"));
      else controller.enqueue(UTF8.encode(chunk));
    },
  }, { highWaterMark: 0 });
  const { status, detail } = await problemOf(await send("/events", { body, headers }));
  assert.deepEqual([status, detail], [400, "the body ended early; 1 of 1 events were stored: `results` says which"]);
  assert.deepEqual(idsOf(publisher.published), ["order-1"]);
});

Deno.test("POST /events reads no line during an outage", async () => {
  const { send } = setup({ outage: () => new PublishError("unavailable", "NATS is not connected") });
  let read = 0;
  const body = new ReadableStream({ pull: () => void read++ }, { highWaterMark: 0 });
  assert.equal((await send("/events", { body, headers })).status, 503);
  assert.equal(read, 0);
});
