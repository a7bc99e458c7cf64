import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";
import { stepsOf, untilEnd } from "../support/server_sent_events.ts";

const FILES = {
  "schemas/orders.ts": `
import { defineEvent } from "weir";
import { z } from "zod";
const data = z.object({ orderId: z.string() });
export const Placed = defineEvent({ type: "orders.placed", version: 1, data, ingress: { progress: true } });
export const Quiet = defineEvent({ type: "orders.quiet", version: 1, data, ingress: {} });
export const Paid = defineEvent({ type: "orders.paid", version: 1, data });
export const Billed = defineEvent({ type: "orders.billed", version: 1, data });
`,
  "functions/pay.ts": `
import { defineFunction } from "weir";
import { Billed, Paid, Placed } from "../schemas/orders.ts";
export default defineFunction({ on: Placed, emits: [Paid, Billed], retry: { initial: 1, jitter: "none" } }, ({ data }, ctx) => {
  if (ctx.attempt === 1) throw new Error("the password of the bank is hunter2");
  ctx.emit(Billed, data);
  ctx.emit(Paid, data);
});
`,
  "functions/refuse.ts": `
import { defineFunction, NonRetryableError } from "weir";
import { Placed } from "../schemas/orders.ts";
export default defineFunction({ on: Placed }, () => {
  throw new NonRetryableError("never");
});
`,
  "functions/ship.ts": `
import { defineFunction } from "weir";
import { Placed } from "../schemas/orders.ts";
export default defineFunction({ on: Placed }, () => {});
`,
};
const KEYS = "shop:s3cret-of-the-shop,other:s3cret-of-the-other";

Deno.test("GET /events/{id}/progress tells what every function did, whichever of three replicas handled the event", async () => {
  await using project = await copyProjectWith(FILES);
  await using server = await startServer();
  await using replicas = new AsyncDisposableStack();
  const urls: string[] = [];
  for (let i = 0; i < 3; i++) {
    const ports = freePorts("PORT", "ADMIN_PORT");
    const env = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url, WEIR_API_KEYS: KEYS };
    const replica = replicas.use(startWeir(project.path, ["start"], env));
    await replica.waitForLog(({ message }) => message === "ready");
    urls.push(`http://127.0.0.1:${ports.PORT}`);
  }
  const authorization = "Bearer s3cret-of-the-shop";
  const place = async (id: string, at: number) => {
    const headers = { "content-type": "application/json", "idempotency-key": id, authorization };
    const response = await fetch(`${urls[at % 3]}/events/orders.placed`, {
      method: "POST",
      headers,
      body: JSON.stringify({ orderId: id }),
    });
    assert.equal(response.status, 202);
    return await response.json();
  };
  const progress = (id: string, at: number, query = "", headers = {}) =>
    fetch(`${urls[at % 3]}/events/${encodeURIComponent(id)}/progress${query}`, {
      headers: { authorization, ...headers },
    });
  const functions = { pay: "ack", refuse: "dead-letter", ship: "ack" };

  // At once, and on another replica than the one that took it.
  await Promise.all(Array.from({ length: 20 }, async (_, at) => {
    const stored = await place(`order/${at}`, at), response = await progress(`order/${at}`, at + 1);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const all = await untilEnd(response), { id, type, stream, sequence } = stored;
    const { time: _time, ...first } = all[0].data as { time: string };
    assert.deepEqual([all[0].event, first], ["stored", { id, type, stream, sequence }]);
    assert.deepEqual(all.at(-1), { id: `${stream}:${sequence}:done`, event: "done", data: { functions } });
    const paid = stepsOf(all, "pay").at(-1)!;
    assert.equal(paid.outcome, "ack");
    assert.deepEqual(paid.emitted?.map(({ type }) => type), ["orders.billed", "orders.paid"]);
    assert.equal(JSON.stringify(all).includes("hunter2"), false);
  }));

  // Later: JetStream's state tells, by the id or by the position.
  const stored = await place("later", 0), { stream, sequence } = stored;
  await untilEnd(await progress("later", 0));
  for (const query of ["", `?stream=${stream}&sequence=${sequence}`]) {
    const all = await untilEnd(await progress("later", 1, query));
    assert.deepEqual(all.at(-1)!.data, { functions });
    assert.deepEqual(stepsOf(all, "refuse"), [{ function: "refuse", outcome: "dead-letter" }]);
    assert.deepEqual(stepsOf(all, "ship"), [{ function: "ship", outcome: "ack", emitted: [] }]);
    const [paid] = stepsOf(all, "pay");
    assert.deepEqual(paid.emitted?.map(({ type }) => type), ["orders.billed", "orders.paid"]);
  }
  assert.equal((await progress("later", 1, "", { "last-event-id": `${stream}:${sequence}:done` })).status, 204);

  const refused: [status: number, Response][] = [
    [404, await progress("unknown", 0)],
    [404, await progress("later", 0, "?source=/ingress/other")],
    [404, await progress("later", 0, "", { authorization: "Bearer s3cret-of-the-other" })],
    [
      404,
      await progress("later", 0, `?stream=${stream}&sequence=${sequence}`, {
        authorization: "Bearer s3cret-of-the-other",
      }),
    ],
    [404, await progress("later", 0, "?stream=RETRIES&sequence=1")],
    [401, await progress("later", 0, "", { authorization: "" })],
    [400, await progress("later", 0, "?stream=ORDERS")],
    [400, await progress("later", 0, "?streams=ORDERS")],
  ];
  for (const [status, response] of refused) {
    assert.equal(response.status, status);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    await response.body?.cancel();
  }
});

const STUCK = {
  "schemas/orders.ts": FILES["schemas/orders.ts"],
  "functions/hang.ts": `
import { defineFunction } from "weir";
import { Placed } from "../schemas/orders.ts";
export default defineFunction({ on: Placed, timeout: "20m" }, (_, { signal }) =>
  new Promise((resolve) => signal.addEventListener("abort", resolve)));
`,
};

Deno.test("GET /events/{id}/progress gives its room back when callers leave, or read nothing more", async () => {
  await using project = await copyProjectWith(STUCK);
  await using server = await startServer();
  const ports = freePorts("PORT", "ADMIN_PORT"), env = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url };
  await using runtime = startWeir(project.path, ["start"], { ...env, SHUTDOWN_GRACE: "1s" });
  await runtime.waitForLog(({ message }) => message === "ready");
  await using proxy = startTcpProxy(Number(ports.PORT));
  const url = `http://127.0.0.1:${ports.PORT}`, through = proxy.url.replace(/^\w+:/, "http:");
  const headers = { "content-type": "application/json", "idempotency-key": "o1" };
  const stored = await fetch(`${url}/events/orders.placed`, { method: "POST", headers, body: '{"orderId":"o1"}' });
  assert.equal((await stored.json()).id, "o1");

  const follow = (base: string, waitS: number) => {
    const caller = new AbortController(), headers = { prefer: `wait=${waitS}` };
    return { caller, response: fetch(`${base}/events/o1/progress`, { headers, signal: caller.signal }) };
  };
  const fill = async (base: string, waitS: number) => {
    const all = Array.from({ length: 100 }, () => follow(base, waitS));
    for (const { response } of all) assert.equal((await response).status, 200);
    return all;
  };
  const isFree = () =>
    eventually(async () => {
      const { response, caller } = follow(url, 300), { status } = await response;
      caller.abort();
      return status === 200;
    });
  const open = await fill(url, 300), refused = await follow(url, 300).response;
  assert.equal(refused.status, 429);
  await refused.body?.cancel();
  for (const { caller } of open) caller.abort();
  await isFree();
  // The test neither reads nor closes these connections: the time limit of the request ends them.
  const stalled = await fill(through, 5);
  proxy.pause();
  await isFree();
  proxy.resume();
  for (const { response } of stalled) assert.equal((await untilEnd(await response)).at(-1)?.event, "pending");
  assert.deepEqual(runtime.lines.filter((line) => !line.startsWith("{")), []);
});
