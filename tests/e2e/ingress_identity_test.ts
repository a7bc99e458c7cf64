import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { startBroker } from "../support/nats.ts";

const data = z.object({ order: z.string() });
const Ordered = defineEvent({ type: "demo.ordered", version: 1, data, ingress: { route: "/orders" } });
const Refunded = defineEvent({ type: "demo.refunded", version: 1, data, ingress: {} });

type Headers = Readonly<Record<string, string>>;

/** Starts the ingress with the keys `a` and `b`. */
async function setup(functions: Parameters<typeof startTestRuntime>[0]["functions"] = {}) {
  const env = { WEIR_API_KEYS: "a:secret-a,b:secret-b", LOG_LEVEL: "error" };
  const runtime = await startTestRuntime({ functions, schemas: [Ordered, Refunded], env });
  const post = async (key: string, headers: Headers, order: string | object, path = "/orders") => {
    const authorization = `Bearer secret-${key}`, body = typeof order === "string" ? { order } : order;
    const response = await fetch(runtime.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", authorization, ...headers },
      body: JSON.stringify(body),
    });
    const result = await response.json();
    return { status: response.status, ...result } as Record<"status" | "sequence" | "duplicate" | "detail", unknown>;
  };
  return { runtime, post, [Symbol.asyncDispose]: () => runtime.stop() };
}

const SAME_ID: Readonly<Record<string, Headers>> = {
  "Idempotency-Key": { "idempotency-key": "k1" },
  "ce-id": { "ce-id": "k1" },
};
for (const [name, headers] of Object.entries(SAME_ID)) {
  Deno.test(`${name} dedupes for its caller alone`, async () => {
    await using ingress = await setup();
    assert.deepEqual(await one(ingress.post("a", headers, "of a")), { status: 202, sequence: 1, duplicate: false });
    assert.deepEqual(await one(ingress.post("b", headers, "of b")), { status: 202, sequence: 2, duplicate: false });
    assert.deepEqual(await one(ingress.post("a", headers, "of a")), { status: 202, sequence: 1, duplicate: true });
  });

  Deno.test(`${name} of another body or type is 422, and of the same JSON in another order a duplicate`, async () => {
    await using ingress = await setup();
    const post = (body: object, path?: string) => one(ingress.post("a", headers, body, path));
    assert.equal((await post({ order: "1", note: "n", at: { x: 1, y: 2 } })).status, 202);
    assert.equal((await post({ order: "2", note: "n", at: { x: 1, y: 2 } })).status, 422);
    assert.equal((await post({ order: "1" }, "/events/demo.refunded")).status, 422);
    const again = await post({ at: { y: 2, x: 1 }, note: "n", order: "1" });
    assert.deepEqual(again, { status: 202, sequence: 1, duplicate: true });
  });
}

Deno.test("ce-source separates equal ids of one caller, and joins those of one source", async () => {
  await using ingress = await setup();
  const from = (source: string) => ({ "ce-id": "1", "ce-source": source });
  assert.equal((await ingress.post("a", from("/shop"), "1")).sequence, 1);
  assert.equal((await ingress.post("a", from("/market"), "2")).sequence, 2);
  assert.deepEqual(await one(ingress.post("b", from("/shop"), "1")), { status: 202, sequence: 1, duplicate: true });
  assert.equal((await ingress.post("b", from("/shop"), "other")).status, 422);
});

for (const type of ["application/cloudevents-batch+json", "application/x-ndjson"]) {
  Deno.test(`POST ${type} dedupes an Idempotency-Key for its caller alone, and refuses another body`, async () => {
    await using ingress = await setup();
    const send = async (key: string, orders: readonly string[]) => {
      const events = orders.map((order) => ({ specversion: "1.0", type: Ordered.type, data: { order } }));
      const lines = events.map((event) => JSON.stringify(event));
      const response = await fetch(`${ingress.runtime.url}/events`, {
        method: "POST",
        headers: { "content-type": type, authorization: `Bearer secret-${key}`, "idempotency-key": "k1" },
        body: type.endsWith("ndjson") ? lines.join("\n") : `[${lines}]`,
      });
      const body = await response.json(), results = response.status === 202 ? body : body.results;
      return [response.status, ...results.map((one: Record<string, unknown>) => one.duplicate ?? one.status)];
    };
    assert.deepEqual(await send("a", ["1", "2"]), [202, false, false]);
    assert.deepEqual(await send("b", ["1", "other"]), [202, false, false]);
    assert.deepEqual(await send("a", ["1", "2"]), [202, true, true]);
    assert.deepEqual(await send("a", ["1", "other"]), [422, true, 422]);
  });
}

Deno.test("Idempotency-Key with two bodies at once stores one and refuses the other", async () => {
  await using ingress = await setup();
  const both = await Promise.all(["1", "2"].map((order) => ingress.post("a", { "idempotency-key": "k" }, order)));
  assert.deepEqual(both.map(({ status }) => status).toSorted(), [202, 422]);
});

/** Emits an event that callers may publish as well. */
const refund = defineFunction({ on: Ordered, emits: [Refunded] }, ({ data }, ctx) => ctx.emit(Refunded, data));

/** Returns the id of the event that the function emits for an order, from a runtime of its own. */
async function emittedId(headers: Headers): Promise<string> {
  await using ingress = await setup({ refund });
  await ingress.post("a", headers, "1");
  return (await ingress.runtime.waitForEvent(Refunded)).headers["ce-id"];
}

const FORGED: Readonly<Record<string, (id: string) => Headers>> = {
  "as an Idempotency-Key": (id) => ({ "idempotency-key": id }),
  "as a quoted Idempotency-Key": (id) => ({ "idempotency-key": `"${id}"` }),
  "as a ce-id": (id) => ({ "ce-id": id }),
  "as an encoded ce-id": (id) => ({ "ce-id": id.replace("e", "%65") }),
  "with the source of the function": (id) => ({ "ce-id": id, "ce-source": "/functions/refund" }),
};
Deno.test("ctx.emit stores its event whatever a caller posted under its id before", async () => {
  const order = { "ce-id": "order-1" }, id = await emittedId(order);
  await using ingress = await setup({ refund });
  for (const [how, headers] of Object.entries(FORGED)) {
    const { status } = await ingress.post("b", headers(id), "forged", "/events/demo.refunded");
    assert.equal(status, 403, how);
  }
  await ingress.post("a", order, "1");
  const { headers } = await ingress.runtime.waitForEvent(Refunded, ({ order }) => order === "1");
  assert.equal(headers["ce-id"], id);
});

for (const source of ["/functions/refund", "/functions", "/streams/DEMO", "/ingress", "/ingress/b", "/ingress/a/x"]) {
  Deno.test(`POST refuses the source ${source}, which is not the caller's`, async () => {
    await using ingress = await setup();
    const { status, detail } = await ingress.post("a", { "ce-id": "1", "ce-source": source }, "1");
    assert.deepEqual([status, detail], [403, `the source "${source}" is not yours: use another, or leave it out`]);
    assert.equal((await ingress.post("a", { "ce-id": "1", "ce-source": "/ingress/a" }, "1")).status, 202);
  });
}

Deno.test("Nats-Msg-Id names the source and the id of an event", async () => {
  await using ingress = await setup();
  await ingress.post("a", { "idempotency-key": "order 1" }, "1");
  assert.equal(await storedId(ingress.runtime), "/ingress/a order%201");
});

async function storedId({ server }: TestRuntime): Promise<string | undefined> {
  await using broker = await startBroker();
  const nc = await broker.connect(server.url);
  const answer = await nc.request("$JS.API.STREAM.MSG.GET.DEMO", JSON.stringify({ seq: 1 }));
  const { message } = answer.json<{ message: { hdrs: string } }>();
  return /^Nats-Msg-Id: (.*?)\r$/m.exec(atob(message.hdrs))?.[1];
}

async function one(response: Promise<Record<"status" | "sequence" | "duplicate", unknown>>) {
  const { status, sequence, duplicate } = await response;
  return { status, sequence, duplicate };
}
