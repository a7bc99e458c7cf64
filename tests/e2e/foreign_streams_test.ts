import { jetstream, type JetStreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { defineEvent, defineFunction, type FunctionDefinition, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { type Broker, startBroker } from "../support/nats.ts";
import { eventually } from "../support/eventually.ts";
import { ODD_HEADERS, publishRaw } from "../support/publish_raw.ts";

type Config = Parameters<JetStreamManager["streams"]["add"]>[0];

/** Starts a server with streams of another owner. `unchanged` checks that they are as they were made. */
async function startWith(...streams: Config[]) {
  const broker = await startBroker(), { jsm, nc, server } = broker;
  for (const config of streams) await jsm.streams.add(config);
  const read = () =>
    Promise.all(streams.map(async ({ name }) => {
      const { config, created } = await jsm.streams.info(name!);
      return { config, created };
    }));
  const before = await read();
  return {
    ...broker,
    js: jetstream(nc),
    run: (functions: Record<string, FunctionDefinition>, schemas: unknown[] = []) =>
      startTestRuntime({ functions, schemas, server }),
    unchanged: async () => assert.deepEqual(await read(), before),
  } satisfies Broker & Record<string, unknown>;
}

async function problemsOf(start: Promise<AsyncDisposable>): Promise<readonly string[]> {
  try {
    await using _ = await start;
  } catch (error) {
    assert.ok(error instanceof StartupProblems, String(error));
    return error.problems;
  }
  assert.fail("it started");
}

const LEGACY: Config = { name: "LEGACY", subjects: ["legacy.>", "note"], max_msgs: 1_000, discard: "old" as never };

Deno.test("defineFunction handles events and patterns of a stream that Weir does not own, and leaves the stream as it was", async () => {
  await using broker = await startWith(LEGACY);
  const seen: unknown[] = [];
  const Told = defineEvent({ type: "legacy.told", version: 1, data: z.object({ n: z.int() }), stream: "LEGACY" });
  const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }), ingress: {} });
  const typed = defineFunction({ on: Told }, ({ data }) => void seen.push(`typed ${data.n}`));
  const raw = defineFunction(
    { on: [{ pattern: "legacy.raw.*", stream: "LEGACY" }, { pattern: "note", stream: "LEGACY" }], decode: "text" },
    ({ subject, data }) => void seen.push(`${subject} ${data.toUpperCase()}`),
  );
  const tell = defineFunction({ on: Asked, emits: [Told] }, ({ data }, ctx) => ctx.emit(Told, data));
  await broker.js.publish("legacy.told", '{"n":1}');
  await using runtime = await broker.run({ typed, raw, tell });
  await broker.js.publish("legacy.raw.a", "hello");
  await broker.js.publish("note", "one token");
  await runtime.publish(Asked, { n: 2 });
  await eventually(() => seen.length === 4);
  assert.deepEqual(seen.toSorted(), ["legacy.raw.a HELLO", "note ONE TOKEN", "typed 1", "typed 2"]);
  await broker.unchanged();
  assert.deepEqual(
    await Array.fromAsync(broker.jsm.consumers.list("LEGACY"), ({ name }) => name).then((all) => all.sort()),
    [
      "raw",
      "typed",
    ],
  );
});

Deno.test("defineFunction handles a mirror by the subjects of its origin, and what would be published into it is refused at the start", async () => {
  await using broker = await startWith({ name: "ORDERS", subjects: ["orders.>"] }, {
    name: "ORDERS_COPY",
    mirror: { name: "ORDERS" },
  });
  const Placed = defineEvent({
    type: "orders.placed",
    version: 1,
    data: z.object({ n: z.int() }),
    stream: "ORDERS_COPY",
  });
  const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.undefined(), ingress: {} });
  const seen: number[] = [];
  const watch = defineFunction({ on: Placed }, ({ data }) => void seen.push(data.n));
  await broker.js.publish("orders.placed", '{"n":7}');
  {
    await using _ = await broker.run({ watch });
    await eventually(() => seen.length === 1);
  }
  const place = defineFunction({ on: Asked, emits: [Placed] }, () => {});
  const open = defineEvent({ ...Placed, type: "orders.opened", ingress: {} });
  const problems = await problemsOf(broker.run({ watch, place }, [open]));
  assert.deepEqual(problems, [
    'stream ORDERS_COPY: event "orders.opened" has `ingress`: "orders.opened" cannot be published into stream ORDERS_COPY, ' +
    "which mirrors ORDERS and stores nothing else: a project that owns ORDERS publishes it; here functions can only " +
    "listen to it",
    'stream ORDERS_COPY: functions/place.ts emits it: "orders.placed" cannot be published into stream ORDERS_COPY, ' +
    "which mirrors ORDERS and stores nothing else: a project that owns ORDERS publishes it; here functions can only " +
    "listen to it",
  ]);
  await broker.unchanged();
});

Deno.test("defineFunction handles a stream with sources by the subjects that their transforms make", async () => {
  await using broker = await startWith({ name: "SHOP", subjects: ["shop.>"] }, {
    name: "ALL",
    subjects: ["all.>"],
    sources: [{ name: "SHOP", subject_transforms: [{ src: "shop.*", dest: "eu.shop.{{wildcard(1)}}" }] }],
  });
  const seen: string[] = [];
  const on = (pattern: string) =>
    defineFunction({ on: { pattern, stream: "ALL" } }, ({ subject }) => void seen.push(subject));
  assert.deepEqual(await problemsOf(broker.run({ lost: on("shop.*") })), [
    "consumer lost on stream ALL: its stream stores all.>, eu.shop.*, and not shop.*: correct the trigger; Weir does not " +
    'own it (`stream: "ALL"`), so it changes nothing there',
  ]);
  await using _ = await broker.run({ eu: on("eu.shop.sold") });
  await broker.js.publish("shop.sold", "{}");
  await eventually(() => seen.length === 1);
  assert.deepEqual(seen, ["eu.shop.sold"]);
  await broker.unchanged();
});

Deno.test("defineFunction handles a work queue and a stream of interest of another owner, one consumer a subject", async () => {
  await using broker = await startWith(
    { name: "JOBS", subjects: ["jobs.>"], retention: "workqueue" as never },
    { name: "NEWS", subjects: ["news.>"], retention: "interest" as never },
  );
  const seen: string[] = [];
  const on = (pattern: string, stream: string) =>
    defineFunction({ on: { pattern, stream } }, ({ subject }) => void seen.push(subject));
  await broker.js.publish("jobs.print", "{}");
  const functions = { print: on("jobs.print", "JOBS"), first: on("news.>", "NEWS"), second: on("news.>", "NEWS") };
  {
    await using _ = await broker.run(functions);
    await broker.js.publish("news.flash", "{}");
    await eventually(() => seen.length === 3);
    await eventually(async () => {
      const counts = ["JOBS", "NEWS"].map(async (name) => (await broker.jsm.streams.info(name)).state.messages);
      return (await Promise.all(counts)).every((count) => count === 0);
    });
  }
  assert.deepEqual(seen.toSorted(), ["jobs.print", "news.flash", "news.flash"]);
  assert.deepEqual(await problemsOf(broker.run({ ...functions, third: on("jobs.>", "JOBS") })), [
    "consumer third on stream JOBS: JetStream says: filtered consumer not unique on workqueue stream (10100): in a work " +
    "queue one consumer has a subject. A trigger moves to another function only with `deno task apply`; beside a " +
    "consumer of another client there is no second one",
  ]);
  await broker.unchanged();
});

Deno.test("startRuntime refuses a missing stream of another owner, and a consumer of another client, and changes neither", async () => {
  await using broker = await startWith(LEGACY);
  await broker.jsm.consumers.add("LEGACY", { durable_name: "bill", ack_policy: "explicit" as never });
  const before = await broker.jsm.consumers.info("LEGACY", "bill");
  const on = (stream: string) => defineFunction({ on: { pattern: "legacy.>", stream } }, () => {});
  assert.deepEqual(await problemsOf(broker.run({ ship: on("LEGASY"), bill: on("LEGACY") })), [
    'consumer ship on stream LEGASY: stream LEGASY does not exist, and Weir does not own it (`stream: "LEGASY"`): have it ' +
    "created, or correct the name",
    "consumer bill on stream LEGACY: another client has a consumer of that name there, and Weir changes none of others: " +
    "give the function another `name`",
  ]);
  assert.deepEqual((await broker.jsm.consumers.info("LEGACY", "bill")).config, before.config);
  assert.deepEqual(await Array.fromAsync(broker.jsm.streams.names()), ["LEGACY"]);
  await broker.unchanged();
});

Deno.test('decode: "bytes" gives the same bytes and headers in a delayed retry and after a redrive, and the dead letter has them', async () => {
  await using broker = await startWith(LEGACY);
  const payload = Uint8Array.from({ length: 256 }, (_, i) => i);
  const seen: { attempt: number; data: Uint8Array; headers: unknown; id: string }[] = [];
  const archive = defineFunction({
    on: { pattern: ">", stream: "LEGACY" },
    decode: "bytes",
    retry: { attempts: 2, jitter: "none", initial: "5s" },
    idempotency: { key: ({ data, headers }) => `${data.length}-${headers.get("x-order")}` },
  }, ({ data, headers, id }, { attempt }) => {
    seen.push({ attempt, data: data.slice(), headers: [...headers], id });
    data.fill(0); // the handler's own copy
    if (seen.length < 3) throw new Error("not yet");
  });
  const hdrs = headers();
  for (const [name, value] of [["X-Order", "7"], ["x-tag", "a"], ["x-tag", "b"]]) hdrs.append(name, value);
  hdrs.set("x-city", "Köln 🚂");
  hdrs.set("Nats-Msg-Id", "m7");
  await using runtime = await broker.run({ archive });
  await broker.js.publish("note", payload, { headers: hdrs });
  await eventually(async () => (await broker.jsm.streams.info("DEAD_LETTERS")).state.messages === 1);
  const letter = await broker.jsm.streams.getMessage("DEAD_LETTERS", { last_by_subj: "dead_letters.archive.note" });
  assert.deepEqual(new Uint8Array(letter!.data), payload);
  const redriven = await fetch(`${runtime.adminUrl}/dead-letters/${letter!.seq}/redrive`, { method: "POST" });
  await redriven.body?.cancel();
  await eventually(() => seen.length === 3);
  const own = [["x-order", "7"], ["x-tag", "a"], ["x-tag", "b"], ["x-city", "Köln 🚂"]];
  assert.deepEqual(seen.map(({ attempt }) => attempt), [1, 2, 1]);
  for (const { data, headers, id } of seen) assert.deepEqual([data, headers, id], [payload, own, "m7"]);
  await broker.unchanged();
});

Deno.test("event.headers of a plain message has what every client can write, and is the same in a delayed retry", async () => {
  await using broker = await startWith(LEGACY);
  const seen: [subject: string, headers: unknown][] = [];
  const plain = defineFunction({ on: { pattern: "legacy.>", stream: "LEGACY" }, decode: "text" }, (event, ctx) => {
    seen.push([event.subject, [...event.headers]]);
    if (ctx.attempt === 1) throw new RetryAfterError("5s");
  });
  await using _ = await broker.run({ plain });
  for (const [i, [, block]] of ODD_HEADERS.entries()) {
    await publishRaw(broker.server.port, `legacy.odd${i}`, block, "hello");
  }
  await eventually(() => seen.length === 2 * ODD_HEADERS.length);
  const expected = ODD_HEADERS.map((_, i) => [`legacy.odd${i}`, [["ce-id", "o1"]]]);
  assert.deepEqual(seen.toSorted(([a], [b]) => a < b ? -1 : 1), expected.flatMap((one) => [one, one]));
  await broker.unchanged();
});

Deno.test("defineFunction handles CloudEvents without data: by their schema, emitted, from the ingress and as a pattern", async () => {
  await using broker = await startWith(LEGACY);
  const Pinged = defineEvent({ type: "demo.pinged", version: 1, data: z.undefined(), ingress: {} });
  const Noted = defineEvent({ type: "demo.noted", version: 1, data: z.object({ n: z.int() }).optional() });
  const seen: unknown[] = [];
  const ping = defineFunction({ on: Pinged, emits: [Noted] }, ({ data }, ctx) => ctx.emit(Noted, data));
  const note = defineFunction({ on: Noted }, ({ data }) => void seen.push(["note", data]));
  const raw = defineFunction(
    { on: { pattern: "legacy.>", stream: "LEGACY" } },
    ({ type, data }) => void seen.push([type, data]),
  );
  await using runtime = await broker.run({ ping, note, raw });
  await runtime.publish(Pinged, undefined);
  const headers = { "ce-specversion": "1.0", "ce-id": "p2", "ce-source": "/test", "ce-type": "demo.pinged" };
  const response = await fetch(`${runtime.url}/events/demo.pinged`, { method: "POST", headers });
  assert.equal(response.status, 202, await response.text());
  await publishRaw(
    broker.server.port,
    "legacy.ping",
    "NATS/1.0\r\nce-specversion: 1.0\r\nce-id: p3\r\nce-source: /x\r\nce-type: x.ping\r\n\r\n",
    "",
  );
  await eventually(() => seen.length === 3);
  assert.deepEqual(seen.map(String).toSorted(), ["note,", "note,", "x.ping,"]);
});

Deno.test("startRuntime needs no permission on a stream of another owner beyond those in deploy/README.md", async () => {
  const allowed = [
    ...["$JS.API.STREAM.INFO.LEGACY", "$JS.API.STREAM.MSG.GET.LEGACY", "$JS.API.CONSUMER.INFO.LEGACY.archiveLegacy"],
    ...["$JS.API.CONSUMER.DURABLE.CREATE.LEGACY.archiveLegacy", "$JS.API.CONSUMER.MSG.NEXT.LEGACY.archiveLegacy"],
    "$JS.ACK.LEGACY.archiveLegacy.>",
  ];
  const readme = await Deno.readTextFile(new URL("../../deploy/README.md", import.meta.url));
  for (const subject of allowed) assert.ok(readme.includes(`\`${subject}\``), subject);
  const own = [
    ...["DEAD_LETTERS", "RETRIES", "KV_weir_attempts"].flatMap((
      name,
    ) => [`$JS.API.*.*.${name}`, `$JS.API.*.*.*.${name}`]),
    ...[
      "$JS.API.*.*.RETRIES.>",
      "$JS.API.*.*.*.RETRIES.>",
      "$JS.API.DIRECT.>",
      "$JS.ACK.RETRIES.>",
      "$JS.API.STREAM.NAMES",
    ],
    ...["$KV.>", "dead_letters.>", "retries.>", "_INBOX.>", "$JS.API.INFO"],
  ];
  const publish = [...own, ...allowed].map((subject) => JSON.stringify(subject)).join(", ");
  const subscribe = '["_INBOX.>", "$JS.EVENT.ADVISORY.CONSUMER.>", "$WEIR.tail"]';
  const violations: string[] = [];
  await using broker = await startBroker({
    config: `authorization { users: [
      { user: weir, password: secret, permissions: { publish: [${publish}], subscribe: ${subscribe} } }
      { user: all, password: secret } ] }\nno_auth_user: all`,
    log: (line) => void (/violation/i.test(line) && violations.push(line)),
  });
  await broker.jsm.streams.add(LEGACY);
  let runs = 0;
  const archiveLegacy = defineFunction({ on: { pattern: "legacy.>", stream: "LEGACY" } }, () => {
    if (++runs === 1) throw new Error("again");
  });
  const env = { NATS_USER: "weir", NATS_PASSWORD: "secret" };
  await using _ = await startTestRuntime({ functions: { archiveLegacy }, server: broker.server, env });
  await jetstream(broker.nc).publish("legacy.a", "{}");
  await eventually(() => runs === 2);
  assert.deepEqual(violations, []);
});
