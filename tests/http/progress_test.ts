import assert from "node:assert/strict";
import { z } from "zod";
import { defineEvent } from "../../runtime/api/define_event.ts";
import type { FollowedEvent, ProgressSource, ProgressStep } from "../../runtime/engine/progress_source.ts";
import { type ApiKey, ApiKeys } from "../../runtime/http/api_keys.ts";
import { Progress } from "../../runtime/http/progress.ts";
import { router } from "../../runtime/http/router.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { problemOf, request } from "../support/ingress.ts";
import { untilEnd } from "../support/server_sent_events.ts";

const data = z.object({});
const Placed = defineEvent({ type: "orders.placed", version: 1, data, ingress: { progress: true } });
const Quiet = defineEvent({ type: "orders.quiet", version: 1, data, ingress: {} });
const events = new Map([Placed, Quiet].map((event) => [event.type as string, event as never]));
const STORED: FollowedEvent = {
  id: "o1",
  source: "/ingress/shop",
  type: "orders.placed",
  stream: "ORDERS",
  sequence: 7,
  storedAtMs: Date.UTC(2026, 0, 1),
  extensions: { authtype: "api_key", authid: "shop" },
};
const KEYS: ApiKey[] = [
  { name: "shop", secret: "a", pattern: ">" },
  { name: "other", secret: "b", pattern: ">", rate: { limit: 2, perMs: 1_000 } },
  { name: "shop", secret: "c", pattern: "stock.>" },
];

/** A source whose steps the test sends. */
class FakeSource implements ProgressSource {
  readonly followed: ((step: ProgressStep) => void)[] = [];
  readonly sources: string[] = [];

  constructor(readonly stored: FollowedEvent, readonly functions = ["pay", "ship"]) {}

  find(_id: string, source: string): Promise<FollowedEvent[]> {
    this.sources.push(source);
    return Promise.resolve([this.stored]);
  }
  read(stream: string, sequence: number): Promise<FollowedEvent | undefined> {
    const isThere = stream === this.stored.stream && sequence === this.stored.sequence;
    return Promise.resolve(isThere ? this.stored : undefined);
  }
  functionsOf = () => this.functions;
  follow(_event: FollowedEvent, onStep: (step: ProgressStep) => void): () => void {
    this.followed.push(onStep);
    return () => void this.followed.splice(this.followed.indexOf(onStep), 1);
  }
}

function setup({ stored = {}, functions }: { stored?: Partial<FollowedEvent>; functions?: string[] } = {}) {
  const clock = new TestClock(), source = new FakeSource({ ...STORED, ...stored }, functions);
  const progress = new Progress({ events, source, clock, keys: new ApiKeys(KEYS) });
  const handler = router(progress.routes(), { problemOf: (error) => error as never });
  const get = (path = "/events/o1/progress", { secret = "a", ...init }: RequestInit & { secret?: string } = {}) =>
    request(handler, path, { ...init, headers: { authorization: `Bearer ${secret}`, ...init.headers } });
  return { clock, source, progress, get };
}

const step = (name: string, outcome: ProgressStep["outcome"], isLast = true): ProgressStep => {
  return { function: name, outcome, attempt: 1, isLast };
};

Deno.test("GET /events/{id}/progress sends each step, and ends once each function has had its last", async () => {
  const { get, source, clock } = setup(), response = await get();
  assert.equal(response.headers.get("cache-control"), "no-store, no-transform");
  source.followed[0](step("pay", "retry", false));
  source.followed[0](step("ship", "dead-letter"));
  source.followed[0](step("pay", "ack"));
  assert.deepEqual(await untilEnd(response), [
    {
      id: "ORDERS:7",
      event: "stored",
      data: { id: "o1", type: "orders.placed", stream: "ORDERS", sequence: 7, time: "2026-01-01T00:00:00.000Z" },
    },
    { event: "attempt", data: { function: "pay", outcome: "retry", attempt: 1 } },
    { event: "attempt", data: { function: "ship", outcome: "dead-letter", attempt: 1 } },
    { event: "attempt", data: { function: "pay", outcome: "ack", attempt: 1 } },
    { id: "ORDERS:7:done", event: "done", data: { functions: { pay: "ack", ship: "dead-letter" } } },
  ]);
  assert.deepEqual([source.followed.length, clock.timers], [0, 0]);
});

Deno.test("GET /events/{id}/progress is done at once for an event that no function handles", async () => {
  const { get, clock } = setup({ functions: [] });
  assert.deepEqual((await untilEnd(await get())).map(({ event }) => event), ["stored", "done"]);
  assert.equal(clock.timers, 0);
});

for (const [prefer, seconds] of [[undefined, 300], ["wait=5", 5], ["wait=3600", 300]] as const) {
  Deno.test(`GET /events/{id}/progress with \`Prefer: ${prefer}\` ends after ${seconds} s, with what is known`, async () => {
    const { get, source, clock } = setup(), response = await get(undefined, { headers: prefer ? { prefer } : {} });
    source.followed[0](step("pay", "ack"));
    await clock.advance(`${seconds - 1}s`);
    assert.equal(source.followed.length, 1);
    await clock.advance("1s");
    const last = (await untilEnd(response)).at(-1);
    assert.deepEqual(last, { event: "pending", data: { functions: { pay: "ack", ship: "pending" } } });
    assert.deepEqual([source.followed.length, clock.timers], [0, 0]);
  });
}

Deno.test("GET /events/{id}/progress ends with the process, and when the caller leaves or does not read", async () => {
  const { get, source, progress, clock } = setup();
  const left = await get();
  await left.body!.cancel();
  assert.equal(source.followed.length, 0);
  const unread = await get();
  for (let i = 0; i < 1_100; i++) source.followed.at(0)?.(step("pay", "retry", false));
  assert.deepEqual([source.followed.length, clock.timers], [0, 0]);
  await assert.rejects(unread.text(), /does not read/);
  const open = await get();
  progress.stop();
  assert.equal((await untilEnd(open)).at(-1)!.event, "pending");
  assert.equal((await problemOf(await get())).status, 429);
});

Deno.test("GET /events/{id}/progress keeps the connection with comments", async () => {
  const { get, clock, progress } = setup(), response = await get();
  for (let i = 0; i < 3; i++) await clock.advance("15s");
  progress.stop();
  assert.equal((await response.text()).match(/^:$/gm)?.length, 3);
});

Deno.test("GET /events/{id}/progress follows a hundred events, and leaves each key its share", async () => {
  const { get, source } = setup();
  for (let i = 0; i < 75; i++) assert.equal((await get()).status, 200); // half, and its share of the other half
  const refused = await get();
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "5"]);
  assert.equal(source.followed.length, 75);
});

const refusals: [what: string, init: Parameters<ReturnType<typeof setup>["get"]>, setting: object, status: number][] = [
  ["another key's event", [undefined, { secret: "b" }], {}, 404],
  ["an event with another id", ["/events/o2/progress"], {}, 404],
  ["an event that does not have it", [], { stored: { type: "orders.quiet" } }, 404],
  ["a type that the key may not publish", [undefined, { secret: "c" }], {}, 404],
  ["an event without an owner", [], { stored: { extensions: {} } }, 404],
  ["an unknown position", ["/events/o1/progress?stream=ORDERS&sequence=8"], {}, 404],
  ["a position without a stream", ["/events/o1/progress?sequence=7"], {}, 400],
  ["a position that is no number", ["/events/o1/progress?stream=ORDERS&sequence=x"], {}, 400],
  ["an unknown parameter", ["/events/o1/progress?seq=7"], {}, 400],
  ["no key", [undefined, { secret: "x" }], {}, 401],
];
for (const [what, init, setting, status] of refusals) {
  Deno.test(`GET /events/{id}/progress answers ${status} for ${what}`, async () => {
    const { get, source } = setup(setting);
    assert.equal((await problemOf(await get(...init))).status, status);
    assert.equal(source.followed.length, 0);
  });
}

Deno.test("GET /events/{id}/progress finds an event of a source, or at the position that a browser names", async () => {
  const { get, source } = setup({ functions: [] });
  for (
    const [query, headers] of [
      ["", {}],
      ["?source=/shop", {}],
      ["?stream=ORDERS&sequence=7", {}],
      ["", { "last-event-id": "ORDERS:7" }],
      ["", { "last-event-id": "ORDERS:0" }], // no position: of another service, or made up
    ] as const
  ) assert.equal((await untilEnd(await get(`/events/o1/progress${query}`, { headers }))).length, 2);
  assert.deepEqual(source.sources, ["/ingress/shop", "/shop", "/ingress/shop"]);
  const done = await get(undefined, { headers: { "last-event-id": "ORDERS:7:done" } });
  assert.deepEqual([done.status, await done.text()], [204, ""]);
  assert.equal((await get(undefined, { method: "HEAD" })).headers.get("content-type"), "text/event-stream");
});

Deno.test("GET /events/{id}/progress counts against the limit of its key", async () => {
  const { get } = setup({ functions: [], stored: { extensions: { authtype: "api_key", authid: "other" } } });
  const first = await get(undefined, { secret: "b" });
  assert.deepEqual([first.status, first.headers.get("ratelimit")], [200, '"other";r=1;t=1']);
  await get(undefined, { secret: "b" });
  assert.equal((await get(undefined, { secret: "b" })).status, 429);
});
