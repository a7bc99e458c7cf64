import assert from "node:assert/strict";
import { createInbox, type NatsConnection } from "@nats-io/transport-node";
import type { Log } from "weir";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { connectNats } from "../../../runtime/nats/client/connection.ts";
import { ConnectionMonitor } from "../../../runtime/nats/client/connection_monitor.ts";
import { TailServer } from "../../../runtime/nats/inspect/tail_server.ts";
import { TailClient, type TailFilter } from "../../../runtime/nats/inspect/tail_client.ts";
import { REQUEST_MS, type SettledReport } from "../../../runtime/nats/inspect/tail_protocol.ts";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import type { Outcome } from "../../../runtime/core/outcome.ts";
import { OutcomeReports } from "../../../runtime/nats/progress/outcome_reports.ts";
import { OutcomeEmitter } from "../../../runtime/telemetry/outcome_emitter.ts";
import { type Broker, startBroker } from "../../support/nats.ts";
import { eventually } from "../../support/eventually.ts";

/** Starts the tail server of a process whose deliveries the test settles. */
function startProcess(broker: Broker, nc: NatsConnection, name: string, subjects: string[] = []) {
  const outcomes = new OutcomeEmitter(), logged: string[] = [];
  const write = (message: string) => void logged.push(message);
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const redact = (text: string) => text.replaceAll("hunter2", "[redacted]");
  const server = new TailServer(
    nc,
    new ConnectionMonitor(nc, systemClock),
    outcomes,
    systemClock,
    log,
    redact,
    name,
    subjects,
  );
  server.start();
  broker.defer(() => server.stop());
  let sequence = 0;
  const settle = (functionName: string, type: string, outcome: Outcome = { kind: "ack" }) => {
    sequence++;
    if (!outcomes.watched) return;
    const delivery = { stream: "ORDERS", sequence, subject: type };
    const event = { id: `${name}-${sequence}`, type };
    const span = { spanContext: () => ({ traceId: "t1" }) };
    const emitted = [{ id: "e-1", type: "stock.reserved", json: "{}" }];
    const attempt = { functionName, delivery, event, number: 1, span, emitted } as never;
    outcomes.tell({ attempt, outcome, durationMs: 1.23456 });
  };
  return { outcomes, logged, settle };
}

/** Starts a tail client, and collects what it shows. */
function look(broker: Broker, nc: NatsConnection, filter: Partial<TailFilter> = {}, clock = systemClock) {
  const seen = {
    published: [] as string[],
    settled: [] as SettledReport[],
    processes: [] as number[],
    denied: [] as string[],
    omitted: { published: 0, settled: 0 },
  };
  const client = new TailClient(nc, clock, { subjects: [], ...filter }, {
    published: (msg) => void seen.published.push(msg.subject),
    settled: (report) => void seen.settled.push(report),
    omitted: (count, of) => void (seen.omitted[of] += count),
    processes: (count) => void seen.processes.push(count),
    denied: (subject) => void seen.denied.push(subject),
  });
  const ready = client.start();
  broker.defer(() => client.stop());
  return { seen, client, ready };
}

Deno.test("TailClient shows what every process settles, and TailServer stops listening without clients", async () => {
  await using broker = await startBroker();
  const a = startProcess(broker, broker.nc, "a"), b = startProcess(broker, await broker.connect(), "b");
  assert.equal(a.outcomes.watched, false);
  const { seen, client } = look(broker, await broker.connect());
  await eventually(() => a.outcomes.watched && b.outcomes.watched);
  a.settle("ship", "orders.created");
  b.settle("bill", "orders.created", {
    kind: "retry",
    delayMs: 2_000,
    reason: "failed",
    usesAttempt: true,
    error: { name: "Error", message: "the password is hunter2\nsecond line" },
  });
  await eventually(() => seen.settled.length === 2);
  const [shipped, billed] = seen.settled.sort((x, y) => x.id < y.id ? -1 : 1).map(({ time: _, ...rest }) => rest);
  assert.deepEqual(shipped, {
    function: "ship",
    type: "orders.created",
    subject: "orders.created",
    id: "a-1",
    stream: "ORDERS",
    sequence: 1,
    attempt: 1,
    outcome: "ack",
    durationMs: 1.235,
    traceId: "t1",
  });
  assert.deepEqual([billed.outcome, billed.reason, billed.delayMs], ["retry", "failed", 2_000]);
  assert.equal(billed.error, "Error: the password is [redacted]");
  await eventually(() => seen.processes.length > 0);
  assert.deepEqual(seen.processes, [2]);
  client.stop();
  await eventually(() => !a.outcomes.watched && !b.outcomes.watched);
});

Deno.test("TailClient is ready once every process has reported", async () => {
  await using broker = await startBroker();
  const a = startProcess(broker, broker.nc, "a"), b = startProcess(broker, await broker.connect(), "b");
  await broker.nc.flush();
  const { seen, ready } = look(broker, await broker.connect());
  await ready;
  assert.deepEqual([a.outcomes.watched, b.outcomes.watched, seen.processes], [true, true, [2]]);
});

Deno.test("TailClient sends its request to a starting process at once, and does not report one process replacing another", async () => {
  await using broker = await startBroker();
  const first = await broker.connect();
  startProcess(broker, first, "a");
  // Without the timer of its requests, only the announcement makes the client send one.
  const timer: typeof systemClock.timer = (delayMs, callback) =>
    delayMs === REQUEST_MS ? () => {} : systemClock.timer(delayMs, callback);
  const { seen, ready } = look(broker, await broker.connect(), {}, { ...systemClock, timer });
  await ready;
  const b = startProcess(broker, broker.nc, "b");
  await eventually(() => b.outcomes.watched);
  b.settle("ship", "orders.created");
  await eventually(() => seen.settled.length === 1);
  await first.close();
  await broker.nc.flush();
  assert.deepEqual(seen.processes, [1]);
});

Deno.test("TailClient reports when the last process is gone, and when there is one again", async () => {
  await using broker = await startBroker();
  const only = await broker.connect();
  startProcess(broker, only, "a");
  const { seen, ready } = look(broker, await broker.connect());
  await ready;
  await only.close();
  await eventually(() => seen.processes.at(-1) === 0);
  startProcess(broker, broker.nc, "b");
  await eventually(() => seen.processes.length === 3);
  assert.deepEqual(seen.processes, [1, 0, 1]);
});

Deno.test("TailClient.setConnected reports no number of processes without a connection, and again once it is back", async () => {
  await using broker = await startBroker();
  const only = await broker.connect();
  startProcess(broker, only, "a");
  let renew = () => {}, skippedMs = 0;
  const timer: typeof systemClock.timer = (delayMs, callback) => {
    if (delayMs !== REQUEST_MS) return systemClock.timer(delayMs, callback);
    renew = callback;
    return () => {};
  };
  const clock = { ...systemClock, timer, now: () => systemClock.now() + skippedMs };
  const { seen, client, ready } = look(broker, await broker.connect(), {}, clock);
  await ready;
  await only.close();
  skippedMs = 60_000;
  client.setConnected(false);
  for (let i = 0; i < 5; i++) renew();
  assert.deepEqual(seen.processes, [1]);
  client.setConnected(true);
  renew();
  renew();
  assert.deepEqual(seen.processes, [1]);
  renew();
  assert.deepEqual(seen.processes, [1, 0]);
});

Deno.test("TailClient subscribes once to the subjects that a later process reports, within its filter", async () => {
  await using broker = await startBroker();
  const nc = await broker.connect();
  startProcess(broker, broker.nc, "a", ["orders.>"]);
  const filters = [{}, { type: "*.paid" }, { function: "ship" }];
  const views = filters.map((one) => look(broker, nc, { ...one, subjects: ["orders.created"] }));
  await Promise.all(views.map(({ ready }) => ready));
  const b = startProcess(broker, broker.nc, "b", ["orders.>", "stock.>", "$JS.>", "_INBOX.>", ">", "a..b"]);
  await eventually(() => b.outcomes.watched);
  let n = 0;
  await eventually(() => {
    broker.nc.publish("stock.paid", String(n++));
    return views[1].seen.published.includes("stock.paid");
  });
  for (const subject of ["orders.created", "orders.paid", "others.paid"]) broker.nc.publish(subject, "{}");
  await eventually(() => views[0].seen.published.includes("orders.paid"));
  const seen = views.map(({ seen }) => seen.published.filter((subject) => subject !== "stock.paid"));
  assert.deepEqual(seen, [["orders.created", "orders.paid"], ["orders.paid"], []]);
});

Deno.test("TailServer reports only what matches the request: a function, a type, or a pattern", async () => {
  await using broker = await startBroker();
  const process = startProcess(broker, broker.nc, "a");
  const nc = await broker.connect();
  const views = [{ function: "ship" }, { type: "orders.created" }, { type: "*.paid" }, {}]
    .map((filter) => look(broker, nc, { ...filter, subjects: ["orders.>"] }).seen);
  await eventually(() => views.every(({ processes }) => processes[0] === 1));
  process.settle("ship", "orders.created");
  process.settle("ship", "orders.paid");
  process.settle("bill", "orders.paid");
  await eventually(() => views[3].settled.length === 3);
  const seen = views.map(({ settled }) => settled.map((report) => `${report.function} ${report.type}`));
  assert.deepEqual(seen, [
    ["ship orders.created", "ship orders.paid"],
    ["ship orders.created"],
    ["ship orders.paid", "bill orders.paid"],
    ["ship orders.created", "ship orders.paid", "bill orders.paid"],
  ]);
  for (const subject of ["orders.created", "orders.paid", "stock.paid"]) broker.nc.publish(subject, "{}");
  await eventually(() => views[3].published.length === 2);
  assert.deepEqual(views[1].published, ["orders.created"]);
  assert.deepEqual(views[2].published, ["orders.paid"]);
});

Deno.test("TailServer reports single events with what was emitted, to a request that names them", async () => {
  await using broker = await startBroker();
  const process = startProcess(broker, broker.nc, "a"), reports = new OutcomeReports(broker.nc, systemClock);
  const heard: SettledReport[] = [], stop = reports.listen({ stream: "ORDERS", sequence: 2 }, (one) => heard.push(one));
  await eventually(() => process.outcomes.watched);
  process.settle("ship", "orders.created");
  process.settle("ship", "orders.created");
  await eventually(() => heard.length === 1);
  assert.deepEqual([heard[0].sequence, heard[0].emitted], [2, [{ id: "e-1", type: "stock.reserved" }]]);
  stop();
  await eventually(() => !process.outcomes.watched);
});

Deno.test("TailClient shows a thousand events a second of twenty thousand, and counts the others", async () => {
  await using broker = await startBroker();
  const process = startProcess(broker, broker.nc, "a"), other = await broker.connect();
  const { seen } = look(broker, await broker.connect(), { subjects: ["orders.>"] });
  await eventually(() => process.outcomes.watched);
  const begun = performance.now();
  for (let i = 0; i < 20_000; i++) process.settle("ship", "orders.created");
  for (let i = 0; i < 20_000; i++) other.publish("orders.created", "{}");
  await eventually(() => seen.settled.length + seen.omitted.settled === 20_000);
  await eventually(() => seen.published.length + seen.omitted.published === 20_000);
  const most = 1_000 * (2 + (performance.now() - begun) / 1_000);
  for (const shown of [seen.settled.length, seen.published.length]) {
    assert.ok(shown >= 1_000 && shown <= most, `${shown} were shown, and at most ${most} may be`);
  }
});

Deno.test("TailServer forgets a client five seconds after its last request", async () => {
  await using broker = await startBroker();
  const process = startProcess(broker, broker.nc, "a");
  const other = await broker.connect();
  look(broker, other);
  await eventually(() => process.outcomes.watched);
  await other.close(); // without a last request
  await eventually(() => !process.outcomes.watched);
});

Deno.test("TailServer ignores invalid requests, and replies only to inboxes", async () => {
  await using broker = await startBroker();
  const process = startProcess(broker, broker.nc, "a");
  const nc = await broker.connect();
  const request = JSON.stringify({ perSecond: 10 });
  const requests: [body: string, reply: string | undefined][] = [
    [request, undefined],
    [request, "orders.created"],
    [request, "_INBOX.>"],
    ["no JSON", createInbox()],
    ["null", createInbox()],
    ['{"perSecond":0}', createInbox()],
    ['{"perSecond":1000000}', createInbox()],
    ['{"perSecond":10,"type":"a..b"}', createInbox()],
    [JSON.stringify({ perSecond: 10, function: "x".repeat(50_000) }), createInbox()],
    ['{"perSecond":10,"events":"ORDERS:1"}', createInbox()],
    ['{"perSecond":10,"events":[1]}', createInbox()],
    [JSON.stringify({ perSecond: 10, events: Array(101).fill("ORDERS:1") }), createInbox()],
  ];
  for (const [body, reply] of requests) nc.publish(NO_NAMESPACE.tail, body, { reply });
  await nc.flush();
  await broker.nc.flush();
  assert.equal(process.outcomes.watched, false);
  nc.publish(NO_NAMESPACE.tail, request, { reply: createInbox() });
  await eventually(() => process.outcomes.watched);
  assert.deepEqual(process.logged, []);
});

/** Returns the configuration of a server with a user who may do everything but one operation on one subject. */
function denying(operation: "publish" | "subscribe", subject: string) {
  return `authorization { users: [
    { user: all, password: secret }
    { user: some, password: secret, permissions: { ${operation}: { deny: ${JSON.stringify(subject)} } } }
  ] }
  no_auth_user: all`;
}

async function startDenied(operation: "publish" | "subscribe", subject: string) {
  const broker = await startBroker({ config: denying(operation, subject) });
  const some = await connectNats({ servers: [broker.server.url], name: "test", user: "some", password: "secret" });
  broker.defer(() => some.close());
  return { broker, some, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}

Deno.test("TailServer logs once that its user may not subscribe to requests", async () => {
  await using denied = await startDenied("subscribe", "$WEIR.>");
  const process = startProcess(denied.broker, denied.some, "a");
  const { seen } = look(denied.broker, denied.broker.nc);
  await eventually(() => seen.processes[0] === 0);
  assert.equal(process.outcomes.watched, false);
  assert.equal(process.logged.length, 1);
  assert.match(process.logged[0], /may not subscribe to \$WEIR\.tail: `events tail` sees no outcomes from here/);
  await denied.some.flush();
});

Deno.test("TailServer logs once that its user may not publish reports, and sends no more", async () => {
  await using denied = await startDenied("publish", "_INBOX.>");
  const process = startProcess(denied.broker, denied.some, "a");
  const { seen } = look(denied.broker, denied.broker.nc);
  await eventually(() => process.logged.length > 0 && !process.outcomes.watched);
  for (let i = 0; i < 100; i++) process.settle("ship", "orders.created");
  await eventually(() => seen.processes[0] === 0); // after two more requests
  assert.match(process.logged[0], /may not publish to _INBOX\.>/);
  assert.equal(process.logged.length, 1);
  assert.deepEqual(seen.settled, []);
});

Deno.test("TailClient reports what its user may not do, and shows the rest", async () => {
  await using mute = await startDenied("publish", "$WEIR.>");
  const process = startProcess(mute.broker, mute.broker.nc, "a");
  const { seen } = look(mute.broker, mute.some, { subjects: ["orders.>"] });
  await eventually(() => seen.processes[0] === 0);
  assert.equal(process.outcomes.watched, false);
  mute.broker.nc.publish("orders.created", "{}");
  await eventually(() => seen.published.length === 1);

  await using deaf = await startDenied("subscribe", "orders.>");
  startProcess(deaf.broker, deaf.broker.nc, "b");
  const half = look(deaf.broker, deaf.some, { subjects: ["orders.>", "stock.>"] }).seen;
  await eventually(() => half.processes[0] === 1);
  assert.deepEqual(half.denied, ["orders.>"]);
  deaf.broker.nc.publish("stock.reserved", "{}");
  await eventually(() => half.published.length === 1);
});
