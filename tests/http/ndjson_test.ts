import assert from "node:assert/strict";
import { MAX_EVENTS } from "../../runtime/http/ndjson.ts";
import { PublishError } from "../../runtime/nats/publish/publish_error.ts";
import { manualClock } from "../nats/clocks.ts";
import { envelope, NDJSON, problemOf, setup } from "./ingress_fixture.ts";

const UTF8 = new TextEncoder();
const headers = { "content-type": NDJSON };
const line = (more: object = {}) => JSON.stringify(envelope(more));
const linesOf = (count: number) => Array.from({ length: count }, (_, i) => `${line({ id: `order-${i}` })}\n`).join("");
const idsOf = (events: readonly { id: string }[]) => events.map(({ id }) => id);

/** Bytes as a body that comes in pieces of that size. */
function inPieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let from = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (from >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(from, from += size));
    },
  }, { highWaterMark: 0 });
}

for (const size of [1, 2, 3, 7, 100_000]) {
  Deno.test(`events in pieces of ${size} bytes are whole again, with characters of several bytes and CRLF`, async () => {
    const { send, publisher } = setup();
    const orders = ["für 🚂", "日本", "o3"];
    const text = orders.map((orderId, i) => line({ id: `order-${i}`, data: { orderId } })).join("\r\n");
    const response = await send("/events", { body: inPieces(UTF8.encode(text), size), headers });
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
  Deno.test(`empty lines are no events, in pieces of ${size}: a key counts the others, a problem counts all`, async () => {
    const { send, publisher } = setup();
    const body = inPieces(UTF8.encode(`\n\r\n${line()}\n   \n${line()}\n\n{}\n${line()}\n\n`), size);
    const response = await send("/events", { body, headers: { ...headers, "idempotency-key": "k1" } });
    assert.deepEqual(idsOf(publisher.published), ["k1:0", "k1:1", "k1:3"]);
    const { results } = await problemOf(response);
    assert.equal(results[2].detail, 'line 7: a CloudEvent needs "specversion": "1.0"');
  });
}

Deno.test("NDJSON of no events is answered with no results", async () => {
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
      /^line 2: the line is larger than 1000 /,
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
    Deno.test(`a line that ${what} is refused for itself, in pieces of ${size}, and the others are stored`, async () => {
      const { send, publisher } = setup({ maxBytes: 1_000 });
      const badBytes = typeof bad === "string" ? UTF8.encode(bad) : bad;
      const bytes = [UTF8.encode(`${line()}\n`), badBytes, UTF8.encode(`\n${line({ id: "order-3" })}`)];
      const body = inPieces(Uint8Array.from(bytes.flatMap((part) => [...part])), size);
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

Deno.test("a line whose data the schema refuses gets every issue with its path", async () => {
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

Deno.test("a last line that is too large is refused too, and nothing of it is kept", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000 });
  const body = inPieces(UTF8.encode(`${line()}\n${"x".repeat(50_000)}`), 700);
  const { status, results } = await problemOf(await send("/events", { body, headers }));
  assert.deepEqual([status, publisher.published.length, results.length, results[1].status], [413, 1, 2, 413]);
});

Deno.test("the body may be larger than an event", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000, roomBytes: 100 });
  const response = await send("/events", { body: linesOf(100), headers: { ...headers, "content-length": "13000" } });
  assert.equal(response.status, 202);
  assert.deepEqual(idsOf(publisher.published), idsOf(await response.json()));
  assert.equal(publisher.published.length, 100);
});

Deno.test("with 256 events on their way nothing more is read, until one of them is stored", async () => {
  const { send, publisher } = setup();
  const stored: (() => void)[] = [];
  publisher.answer = async () => {
    await new Promise<void>((resolve) => stored.push(resolve));
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  let pieces = 0;
  const body = new ReadableStream({
    pull: (controller) => ++pieces > 1_000 ? controller.close() : controller.enqueue(UTF8.encode(`${line()}\n`)),
  }, { highWaterMark: 0 });
  const answering = send("/events", { body, headers });
  while (stored.length < 256) await new Promise((resolve) => setTimeout(resolve));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual([stored.length, pieces], [256, 257]);
  while (publisher.published.length < 1_000) {
    stored.pop()?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
  for (const resolve of stored) resolve();
  assert.equal((await (await answering).json()).length, 1_000);
});

Deno.test("of a hundred megabytes no more is held than what is on its way", async () => {
  const LINES = 50_000, note = "x".repeat(2_000);
  let sent = 0, stored = 0, most = 0;
  const { send, publisher } = setup({ maxBytes: 4_000 });
  publisher.publish = async () => {
    most = Math.max(most, sent - stored);
    await Promise.resolve();
    return { stream: "ORDERS", sequence: ++stored, duplicate: false };
  };
  const piece = UTF8.encode(`${line({ note })}\n`.repeat(10));
  const body = new ReadableStream({
    pull: (controller) => {
      if (sent === LINES) return controller.close();
      controller.enqueue(piece);
      sent += 10;
    },
  }, { highWaterMark: 0 });
  const response = await send("/events", { body, headers });
  assert.deepEqual([response.status, stored], [202, LINES]);
  assert.ok(piece.length * LINES / 10 > 100_000_000);
  assert.ok(most <= 256 + 20, `${most} events were held`);
  assert.equal((await response.json()).length, LINES);
});

Deno.test("a caller that sends nothing more for half a minute learns what was stored of what it sent", async () => {
  const clock = manualClock();
  const { send, publisher } = setup({ clock });
  let cancelled = false;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(UTF8.encode(`${line()}\n${line().slice(0, 20)}`)),
    cancel: () => void (cancelled = true),
  });
  const answering = send("/events", { body, headers });
  await clock.timerSet(30_000);
  clock.advance(30_000);
  const { status, title, detail, results } = await problemOf(await answering);
  assert.deepEqual([status, title], [408, "Request Timeout"]);
  assert.equal(
    detail,
    "no further line came within 30000 ms; 1 of 1 events were stored: `results` says which",
  );
  assert.deepEqual([idsOf(results), publisher.published.length, cancelled], [["order-1"], 1, true]);
});

Deno.test("a caller that sends a byte now and then is not waited for longer than one that sends nothing", async () => {
  const clock = manualClock();
  const { send } = setup({ clock });
  const taken: (() => void)[] = [];
  const body = new ReadableStream({
    pull: async (controller) => {
      await new Promise<void>((resolve) => taken.push(resolve));
      controller.enqueue(UTF8.encode(" "));
    },
  }, { highWaterMark: 0 });
  const answering = send("/events", { body, headers });
  await clock.timerSet(30_000);
  for (let i = 0; i < 3; i++) {
    clock.advance(9_000);
    taken.pop()!();
    while (taken.length === 0) await Promise.resolve();
  }
  clock.advance(3_000);
  assert.equal((await answering).status, 408);
});

Deno.test("a request whose results grow too long is ended", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000_000 });
  const bad = line({ data: { orderId: "o1", items: Array.from({ length: 20_000 }, () => 7) } });
  const body = inPieces(UTF8.encode(`${line()}\n${`${bad}\n`.repeat(30)}`), 65_536);
  const { status, results } = await problemOf(await send("/events", { body, headers }));
  assert.deepEqual([status, publisher.published.length], [413, 1]);
  assert.ok(results.length < 30, `${results.length} results were held`);
});

Deno.test("a caller that goes away in the middle of a line has what it sent before stored, and not the rest", async () => {
  const { send, publisher } = setup();
  const pieces = [`${line()}\n`, line({ id: "order-2" })];
  const body = new ReadableStream({
    pull: (controller) => {
      const piece = pieces.shift();
      if (piece === undefined) controller.error(new Error("connection reset"));
      else controller.enqueue(UTF8.encode(piece));
    },
  }, { highWaterMark: 0 });
  const { status, detail } = await problemOf(await send("/events", { body, headers }));
  assert.deepEqual([status, detail], [400, "the body ended early; 1 of 1 events were stored: `results` says which"]);
  assert.deepEqual(idsOf(publisher.published), ["order-1"]);
});

Deno.test("once an event cannot be stored the lines behind it are read and not tried, and each is told so", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000 });
  publisher.answer = ({ id }) => {
    if (id === "order-300") throw new PublishError("unavailable", "why");
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const response = await send("/events", { body: inPieces(UTF8.encode(linesOf(2_000)), 1_000), headers });
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
    detail: "it was not tried, since another of the events could not be stored",
  });
});

Deno.test("the answer to an outage says when to come again, whatever else is wrong with the lines before it", async () => {
  const { send, publisher } = setup();
  publisher.answer = () => Promise.reject(new PublishError("full", "why"));
  const response = await send("/events", { body: `{}\n${line()}\n`, headers });
  assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "30"]);
  assert.deepEqual((await response.json()).results.map(({ status }: { status: number }) => status), [400, 503]);
});

Deno.test("a request has a hundred thousand events at the most, and those are stored", async () => {
  const { send, publisher } = setup();
  publisher.publish = () => Promise.resolve({ stream: "ORDERS", sequence: 1, duplicate: false });
  const body = inPieces(UTF8.encode(`${line()}\n`.repeat(MAX_EVENTS + 1)), 65_536);
  const { status, detail, results } = await problemOf(await send("/events", { body, headers }));
  assert.deepEqual([status, results.length], [413, 100_000]);
  assert.equal(
    detail,
    "a request has 100000 events and 16777216 characters of results at the most: send the rest in another; " +
      "100000 of 100000 events were stored: `results` says which",
  );
});

Deno.test("while nothing can be stored no line is read", async () => {
  const { send } = setup({ outage: () => new PublishError("unavailable", "NATS is not connected") });
  let read = 0;
  const body = new ReadableStream({ pull: () => void read++ }, { highWaterMark: 0 });
  assert.equal((await send("/events", { body, headers })).status, 503);
  assert.equal(read, 0);
});
