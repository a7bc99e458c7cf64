import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { z } from "zod";
import { streamRoute } from "../../runtime/console/event_stream.ts";
import type { Problem } from "../../runtime/http/problem.ts";
import { router } from "../../runtime/http/router.ts";
import { startConsole } from "../support/console.ts";
import { eventually } from "../support/eventually.ts";

const API = "/console/api";
const HOSTILE = "<img src=x onerror=alert(1)>";
const data = z.object({ orderId: z.string().min(1), fails: z.boolean().optional() });
const Placed = defineEvent({ type: "shop.placed", version: 1, data, ingress: { route: "/orders" } });
const Shipped = defineEvent({ type: "shop.shipped", version: 1, data: z.object({ orderId: z.string() }) });
const ship = defineFunction({ on: Placed, emits: [Shipped] }, (event, ctx) => {
  if (event.data.fails) throw new NonRetryableError(`no stock for ${event.data.orderId}`);
  ctx.emit(Shipped, { orderId: event.data.orderId });
});
const notify = defineFunction({ on: Shipped }, () => {});
const functions = { ship, notify };

type Live = {
  full: boolean;
  // deno-lint-ignore no-explicit-any -- tests assert what it has
  functions: Record<string, any>;
  edges: Record<string, number | null>;
  nats: { connected: boolean };
};

Deno.test("GET /console/api/graph has functions, events and the edges between them", async () => {
  await using console = await startConsole({ functions });
  const { body } = await console.get(`${API}/graph`);
  assert.deepEqual(body.edges.map(({ id }: { id: string }) => id), [
    "on event:shop.placed function:ship",
    "emits function:ship event:shop.shipped",
    "on event:shop.shipped function:notify",
  ]);
  assert.deepEqual(body.events[0], {
    type: "shop.placed",
    version: 1,
    ingress: true,
    route: "/orders",
    stream: "SHOP",
  });
});

Deno.test("GET /console/api/live sends rates, outcomes and edges of every function, all at first and then changes", async () => {
  await using console = await startConsole({ functions });
  const first = await console.until<Live>(`${API}/live`, "live", () => true);
  assert.equal(first.full, true);
  assert.deepEqual(Object.keys(first.functions).sort(), ["notify", "ship"]);
  const busy = console.until<Live>(
    `${API}/live`,
    "live",
    ({ functions: { ship }, edges }) =>
      ship?.rate > 0 && ship.here.perSecond.ack > 0 && ship.here.p50Ms !== null &&
      edges["on event:shop.placed function:ship"]! > 0 && edges["emits function:ship event:shop.shipped"]! > 0,
  );
  await using _ = publishing(console, { orderId: "o1" });
  const { functions: { ship: status }, nats } = await busy;
  assert.equal(nats.connected, true);
  assert.equal(status.state, "ok");
  assert.equal(status.here.concurrency > 0, true);
});

Deno.test("GET /console/api/live and /functions/{name} show a failing function, its errors and its dead letters", async () => {
  await using console = await startConsole({ functions });
  const failing = console.until<Live>(
    `${API}/live`,
    "live",
    ({ functions: { ship } }) => ship?.state === "failing" && ship.deadLetters > 0,
  );
  await using _ = publishing(console, { orderId: "o1", fails: true });
  await failing;
  const { body } = await console.get(`${API}/functions/ship`);
  assert.equal(body.runsHere, true);
  const [{ reason, error, count, stream, type }] = body.errors;
  assert.deepEqual([reason, stream, type], ["rejected", "SHOP", "shop.placed"]);
  assert.match(error, /no stock for o1/);
  assert.ok(count > 0);
  assert.ok(body.policy.some(({ path }: { path: string }) => path === "retry.attempts"));
  assert.deepEqual(Object.keys(body.series).slice(0, 3), ["stepSeconds", "t", "ack"]);
  await console.until<{ point: { deadLetter: number } }>(
    `${API}/live?function=ship`,
    "function",
    ({ point }) => point.deadLetter > 0,
  );
});

Deno.test("POST /console/api/functions/{name}/pause and /resume pause and resume a function", async () => {
  await using console = await startConsole({ functions });
  const { status, body } = await console.post(`${API}/functions/ship/pause`, { for: "30m" });
  assert.equal(status, 200);
  const leftMs = Date.parse(body.pausedUntil) - Date.now();
  assert.ok(leftMs > 0 && leftMs < 31 * 60_000, body.pausedUntil);
  await console.until<Live>(`${API}/live`, "live", ({ functions: { ship } }) => ship?.state === "paused");
  assert.deepEqual((await console.post(`${API}/functions/ship/resume`)).body, { resumed: true });
  assert.deepEqual((await console.post(`${API}/functions/ship/resume`)).body, { resumed: false });
  const wrong = await console.post(`${API}/functions/ship/pause`, { for: "soon" });
  assert.equal(wrong.status, 400);
  const { body: endless } = await console.post(`${API}/functions/ship/pause`, { for: "99999999d" });
  assert.equal(endless.pausedUntil, "2200-01-01T00:00:00.000Z");
  assert.equal((await console.post(`${API}/functions/shipp/pause`)).status, 404);
  assert.match((await console.get(`${API}/functions/shipp`)).body.detail, /did you mean "ship"/);
});

Deno.test("GET /console/api/live says that NATS does not answer, and goes on", async () => {
  await using console = await startConsole({ functions });
  await console.until<Live>(`${API}/live`, "live", ({ nats }) => nats.connected);
  const down = console.until<Live>(`${API}/live`, "live", ({ nats }) => !nats.connected);
  await console.server.stop();
  assert.equal((await down).functions.ship?.here.running ?? 0, 0);
});

Deno.test("POST /console/api/functions/{name}/pause answers 403 if the NATS user of the process may not pause", async () => {
  const config = `authorization { users: [
    { user: all, password: secret }
    { user: some, password: secret, permissions: { publish: { deny: "$JS.API.CONSUMER.PAUSE.>" } } }
  ] }
  no_auth_user: all`;
  await using console = await startConsole({ functions, nats: { config, user: "some", password: "secret" } });
  const { status, body } = await console.post(`${API}/functions/ship/pause`);
  assert.equal(status, 403);
  assert.match(body.detail, /the NATS user of this process may not do that: .*CONSUMER\.PAUSE\.RETRIES\.ship/);
});

Deno.test("GET /console/api/events/tail sends published events and outcomes, and filters them", async () => {
  await using console = await startConsole({ functions });
  type Rows = { rows: Record<string, unknown>[]; shown: number; total: number };
  const find = (query: string, isIt: (row: Record<string, unknown>) => unknown) =>
    console.until<Rows>(`${API}/events/tail${query}`, "rows", ({ rows }) => rows.some(isIt));
  const found = Promise.all([
    find("", ({ kind, preview }) => kind === "published" && String(preview).includes(HOSTILE)),
    find("?function=notify", ({ kind, function: name, stream }) => kind === "settled" && name === "notify" && stream),
    find("?outcome=dead-letter", ({ outcome, error }) => outcome === "dead-letter" && error),
    find("?text=NO%20STOCK", ({ error }) => String(error).includes("no stock")),
  ]);
  await using _ = publishing(console, { orderId: HOSTILE }, { orderId: "o2", fails: true });
  const [, notified, dead, texts] = await found;
  assert.ok(notified.rows.every(({ function: name }) => name === "notify"));
  assert.ok(dead.rows.every(({ outcome }) => outcome === "dead-letter"));
  assert.ok(texts.rows.every((row) => JSON.stringify(row).toLowerCase().includes("no stock")));
});

Deno.test("GET /console/api/events/{stream}/{sequence} shows an event, and in dev its journey", async () => {
  await using console = await startConsole({ functions, dev: true });
  const { body: stored, status } = await console.post(`${API}/publish`, {
    type: "shop.placed",
    data: { orderId: "o1" },
  });
  assert.equal(status, 202);
  const path = `${API}/events/${stored.stream}/${stored.sequence}`;
  const { body } = await eventually(async () => {
    const answer = await console.get(path);
    return answer.body.journey.spans.length === 2 ? answer : undefined;
  });
  assert.deepEqual(body.data, { orderId: "o1" });
  assert.equal(body.raw, '{"orderId":"o1"}');
  assert.deepEqual([body.id, body.type, body.source], [stored.id, "shop.placed", "/console"]);
  assert.deepEqual(body.functions.map(({ name, state }: Record<string, string>) => [name, state]), [[
    "ship",
    "handled",
  ]]);
  const [shipped, notified] = body.journey.spans;
  assert.deepEqual([shipped.function, notified.function, notified.parent], ["ship", "notify", shipped.id]);
  assert.equal(notified.event.id, shipped.emitted[0].id);
  assert.deepEqual((await console.get(`${API}/events/find?type=shop.shipped&id=${notified.event.id}`)).body, {
    stream: notified.event.stream,
    sequence: notified.event.sequence,
  });
  const { body: recent } = await console.get(`${API}/events/recent?type=shop.placed&limit=5`);
  assert.deepEqual(recent.events.map(({ id }: { id: string }) => id), [stored.id]);
  const payload = await console.get(`${path}/payload`);
  assert.match(payload.headers.get("content-disposition")!, /^attachment/);
  assert.equal((await console.get(`${API}/events/SHOP/99`)).status, 404);
  assert.equal((await console.get(`${API}/events/KV_x/1`)).status, 404);
});

Deno.test("GET /console/api/events/recent and /find read no stream of another project", async () => {
  await using console = await startConsole({ functions });
  const nc = await connect({ servers: console.server.url });
  await nc.request("$JS.API.STREAM.CREATE.OTHER", JSON.stringify({ name: "OTHER", subjects: ["other.>"] }));
  const { seq } = (await nc.request("other.secret", "s3cret")).json<{ seq: number }>();
  assert.equal(seq, 1);
  await nc.close();
  assert.deepEqual((await console.get(`${API}/events/recent?type=other.secret`)).body, { events: [], unread: [] });
  assert.equal((await console.get(`${API}/events/find?type=other.secret&id=OTHER:1`)).status, 404);
});

Deno.test("GET /console/api/events/recent lists fewer of large events, a few at once", async () => {
  await using console = await startConsole({ functions: { ignore: defineFunction({ on: Placed }, () => {}) } });
  const nc = await connect({ servers: console.server.url }), large = JSON.stringify({ orderId: "x".repeat(900_000) });
  for (let n = 0; n < 45; n++) await nc.request("shop.placed", large, { timeout: 60_000 });
  await nc.close();
  const events = await eventually(async () => {
    const { body: { events } } = await console.get(`${API}/events/recent`);
    return events.length > 0 && events; // none while the server does not answer in time
  });
  assert.deepEqual([events.length, events[0].sequence, events.at(-1).sequence], [40, 45, 6]);
});

Deno.test("HEAD /console/api/live and /events/tail answer the headers of the stream", async () => {
  await using console = await startConsole({ functions });
  for (const path of ["live", "events/tail"]) {
    const { status, headers, body } = await fetch(`${console.admin}${API}/${path}`, { method: "HEAD" });
    assert.deepEqual([status, headers.get("content-type"), body], [200, "text/event-stream", null], path);
  }
});

Deno.test("streamRoute opens no stream for HEAD, which nothing would read", async () => {
  let opened = 0;
  const open = () => new Response(`${++opened}`), problemOf = (error: unknown) => error as Problem;
  const handle = router([streamRoute("/tail", open)], { problemOf });
  for (const [method, count] of [["HEAD", 0], ["GET", 1], ["HEAD", 1]] as const) {
    await (await handle(new Request("http://127.0.0.1/tail", { method }))).body?.cancel();
    assert.equal(opened, count, method);
  }
});

Deno.test("GET /console/api/dead-letters groups, lists and shows letters, and redrives, edits and discards them", async () => {
  await using console = await startConsole({ functions, dev: true });
  const letters = async () => (await console.get(`${API}/dead-letters`)).body.letters as { sequence: number }[];
  for (const orderId of ["a1", "a2", "a3"]) {
    await console.post(`${API}/publish`, { type: "shop.placed", data: { orderId, fails: true } });
  }
  await eventually(async () => (await letters()).length === 3);
  const { body: { groups: [group], total } } = await console.get(`${API}/dead-letters/groups`);
  assert.deepEqual([group.function, group.reason, group.count, total], ["ship", "rejected", 3, 3]);
  const first = await console.get(`${API}/dead-letters?error=${group.id}&limit=2`);
  assert.equal(first.body.letters.length, 2);
  const second = await console.get(`${API}/dead-letters?error=${group.id}&limit=2&after=${first.body.next}`);
  assert.deepEqual([second.body.letters.length, second.body.next], [1, null]);
  const [{ sequence }, { sequence: other }] = await letters();
  const { body: letter } = await console.get(`${API}/dead-letters/${sequence}`);
  assert.deepEqual([letter.group, letter.editable, letter.data.fails], [group.id, true, true]);

  const refused = await console.post(`${API}/dead-letters/${sequence}/redrive`, { data: { orderId: 7 } });
  assert.deepEqual([refused.status, refused.body.errors[0].path], [400, "orderId"]);
  const edited = await console.post(`${API}/dead-letters/${sequence}/redrive`, { data: { orderId: "mended" } });
  assert.deepEqual([edited.status, edited.body], [200, { outcome: "redriven" }]);
  await eventually(async () => {
    const { body } = await console.get(`${API}/events/recent?type=shop.shipped`);
    return body.events.some(({ preview }: { preview: string }) => preview.includes("mended"));
  });
  assert.equal((await console.post(`${API}/dead-letters/${other}/discard`)).body.outcome, "discarded");
  assert.equal((await console.post(`${API}/dead-letters/${other}/discard`)).status, 404);
  assert.equal((await letters()).length, 1);
});

Deno.test("POST /console/api/dead-letters/jobs redrives or discards many, and tells how far it is", async () => {
  await using console = await startConsole({ functions });
  const publish = (orderId: string) =>
    fetch(`${console.url}/orders`, {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify({ orderId, fails: true }),
    })
      .then((response) => response.body!.cancel());
  for (let n = 0; n < 70; n++) await publish(`o${n}`);
  const total = async () => (await console.get(`${API}/dead-letters/groups`)).body.total;
  await eventually(async () => await total() === 70);
  const run = async (action: string) => {
    const { status, body } = await console.post(`${API}/dead-letters/jobs`, { action, filter: { function: "ship" } });
    assert.deepEqual([status, body.total], [202, 70]);
    return await eventually(async () => {
      const { body: job } = await console.get(`${API}/dead-letters/jobs/${body.id}`);
      return job.state !== "running" && job;
    });
  };
  const redriven = await run("redrive");
  assert.deepEqual([redriven.state, redriven.done, redriven.tally.redriven], ["done", 70, 70]);
  await eventually(async () => await total() === 70); // they fail again
  const discarded = await run("discard");
  assert.deepEqual([discarded.state, discarded.tally.discarded, await total()], ["done", 70, 0]);

  const misspelt = await console.post(`${API}/dead-letters/jobs`, { action: "discard", filter: { funktion: "ship" } });
  assert.equal(misspelt.status, 400);
  const edited = await console.post(`${API}/dead-letters/1/redrive`, { data: {} });
  assert.match(edited.body.detail, /only `dev` redrives/);
});

Deno.test("GET /console/api/… shows a project in a namespace by its own names, and POST operates it", async () => {
  await using console = await startConsole({ functions, dev: true, env: { WEIR_NAMESPACE: "shop-staging" } });
  const { body: stored } = await console.post(`${API}/publish`, {
    type: "shop.placed",
    data: { orderId: "o1", fails: true },
  });
  const { body: event } = await eventually(async () => {
    const answer = await console.get(`${API}/events/${stored.stream}/${stored.sequence}`);
    return answer.body.functions[0].state === "dead-letter" ? answer : undefined;
  });
  assert.deepEqual([event.type, event.functions[0].name, event.journey.spans.length], ["shop.placed", "ship", 1]);
  const { body: { letters: [letter] } } = await console.get(`${API}/dead-letters?function=ship&type=shop.placed`);
  assert.deepEqual([letter.type, letter.sequence, letter.stream], [
    "shop.placed",
    event.functions[0].deadLetter,
    stored.stream,
  ]);
  const { body: { events: [recent] } } = await console.get(`${API}/events/recent?type=shop.*`);
  assert.deepEqual([recent.type, recent.sequence], ["shop.placed", stored.sequence]);
  const find = `${API}/events/find?type=shop.placed&id=${stored.id}`;
  assert.equal((await console.get(find)).body.sequence, stored.sequence);
  assert.equal((await console.post(`${API}/functions/ship/pause`)).status, 200);
  await console.until<Live>(
    `${API}/live`,
    "live",
    ({ functions: { ship } }) => ship?.state === "paused" && ship.deadLetters === 1 && ship.rate !== null,
  );
});

Deno.test("GET /console/api/catalog and POST /console/api/publish offer and publish events", async () => {
  await using console = await startConsole({ functions });
  const { body: { events } } = await console.get(`${API}/catalog`);
  assert.deepEqual(events.map(({ type, publishable }: Record<string, unknown>) => [type, publishable]), [
    ["shop.placed", true],
    ["shop.shipped", false],
  ]);
  const { body: { schema, sample } } = await console.get(`${API}/catalog/shop.placed?seed=2`);
  assert.deepEqual(schema.required, ["orderId"]);
  assert.equal(typeof sample.orderId, "string");
  const publish = (type: string, data: unknown, id?: string) => console.post(`${API}/publish`, { type, data, id });
  assert.equal((await publish("shop.placed", sample, "id-1")).body.duplicate, false);
  assert.equal((await publish("shop.placed", sample, "id-1")).body.duplicate, true);
  assert.deepEqual((await publish("shop.placed", { orderId: "" })).body.errors[0].path, "orderId");
  assert.equal((await publish("shop.shipped", { orderId: "o" })).status, 403);
  assert.equal((await publish("shop.nothing", {})).status, 404);
});

const JSON_TYPE = { "content-type": "application/json" };

/** Publishes events one after another until it is disposed of. */
function publishing({ url }: { readonly url: string }, ...all: readonly unknown[]): AsyncDisposable {
  let isRunning = true;
  const run = async () => {
    for (let at = 0; isRunning; at++) {
      const body = JSON.stringify(all[at % all.length]);
      await (await fetch(`${url}/orders`, { method: "POST", headers: JSON_TYPE, body })).body!.cancel();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const running = run();
  return {
    [Symbol.asyncDispose]: async () => {
      isRunning = false;
      await running;
    },
  };
}
