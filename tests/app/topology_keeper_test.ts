import assert from "node:assert/strict";
import { AckPolicy, DeliverPolicy, jetstream, type JetStreamManager } from "@nats-io/jetstream";
import { defineFunction } from "../../runtime/api/define_function.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { type Runtime, startRuntime } from "../../runtime/app/runtime.ts";
import { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { testsAtOnce } from "../support/at_once.ts";
import { eventually } from "../support/eventually.ts";
import { type Broker, startBroker } from "../support/nats.ts";
import type { LogLine } from "../support/weir_process.ts";

const test = testsAtOnce("TopologyKeeper", 5);

/** A process with one function, `ship`, that collects what it handles. */
interface Release extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly handled: string[];
  readonly lines: LogLine[];
  health(): Promise<{ status: number; body: { checks: Record<string, { error?: string }>; degraded?: object } }>;
}

/** Starts a release whose function has these triggers. */
async function start(
  { server }: Broker,
  on: string[],
  options: Parameters<typeof startRuntime>[3] = {},
  handler: () => unknown = () => {},
  project?: string,
): Promise<Release> {
  const variables: Record<string, string> = { NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
  const config = readConfig({ get: (name) => variables[name], readFile: () => "" });
  const handled: string[] = [], lines: LogLine[] = [];
  const ship = defineFunction({ on: on as [string] }, async (event) => {
    handled.push(`${event.type} ${event.data}`);
    await handler();
  });
  const log = new Logger({ level: "info", format: "json", write: (line) => void lines.push(JSON.parse(line)) });
  const runtime = await startRuntime(config, { ...registryOf({ ship }), project }, log, options);
  const health = async () => {
    const response = await fetch(`${runtime.url}/health`);
    return { status: response.status, body: await response.json() };
  };
  return { runtime, handled, lines, health, [Symbol.asyncDispose]: () => runtime.stop() };
}

async function publish({ nc }: Broker, subject: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await jetstream(nc).publish(subject, String(n));
}

async function filtersOf(jsm: JetStreamManager): Promise<string[]> {
  return (await jsm.consumers.info("ORDERS", "ship")).config.filter_subjects!.toSorted();
}

test("[G7] TopologyKeeper: a process of the old release that starts last takes no trigger from the new one", async () => {
  await using broker = await startBroker();
  const old = await start(broker, ["orders.paid"]);
  await using next = await start(broker, ["orders.paid", "orders.lost"]);
  await old.runtime.stop();
  await using restarted = await start(broker, ["orders.paid"]);
  assert.deepEqual(await filtersOf(broker.jsm), ["orders.lost", "orders.paid"]);
  assert.match(
    restarted.lines.map(({ message }) => message).join(),
    /ship on stream ORDERS is wider than .* declares.*dead letter \(`invalid`\) after half an hour/,
  );
  // The server may deliver each to `restarted` a few times, which defers it: few events keep the wait short.
  await publish(broker, "orders.lost", 5);
  await eventually(() => new Set(next.handled).size === 5);
  assert.equal(next.handled.length, 5);
});

test("[G7] TopologyKeeper: the old release gets the events of a trigger that the new one has no more", async () => {
  await using broker = await startBroker();
  await using old = await start(broker, ["orders.paid", "orders.lost"]);
  await using _next = await start(broker, ["orders.paid"]);
  await using _noApply = await start(broker, ["orders.paid"], { apply: false });
  await publish(broker, "orders.lost", 5);
  await eventually(() => old.handled.length === 5);
});

test("TopologyKeeper starts with a trigger that covers another release's, and leaves a wider one", async () => {
  await using broker = await startBroker();
  await using _old = await start(broker, ["orders.paid", "stock.low"]);
  await using _wider = await start(broker, ["orders.*"]);
  assert.deepEqual(await filtersOf(broker.jsm), ["orders.*"]);
  await using _narrower = await start(broker, ["orders.paid"]);
  assert.deepEqual(await filtersOf(broker.jsm), ["orders.*"]);
});

test("TopologyKeeper may narrow at a start of `dev`, which has the nats-server to itself", async () => {
  await using broker = await startBroker();
  await (await start(broker, ["orders.paid", "orders.lost"])).runtime.stop();
  await using _next = await start(broker, ["orders.paid"], { apply: "narrow" });
  assert.deepEqual(await filtersOf(broker.jsm), ["orders.paid"]);
});

test("[G7] TopologyKeeper widens a consumer that another client has narrowed, and every event is handled", async () => {
  await using broker = await startBroker();
  await using release = await start(broker, ["orders.paid", "orders.lost"]);
  await broker.jsm.consumers.update("ORDERS", "ship", { filter_subjects: ["orders.paid"] });
  await publish(broker, "orders.lost", 20);
  await publish(broker, "orders.paid", 1);
  await eventually(() => release.handled.includes("orders.paid 1")); // its consumer has passed all others
  const line = await eventually(() => release.lines.find(({ message }) => /put right/.test(message)));
  assert.equal(line.message, "consumer ship on stream ORDERS was not as declared: put right");
  assert.match(String(line.changes), /filter_subjects: \["orders.paid"\] → \["orders.paid","orders.lost"\]/);
  await eventually(() => release.handled.length === 21);
  assert.equal(new Set(release.handled).size, 21);
});

const SECOND = 1_000 * 1e6;
for (
  const [setting, change] of [
    ["max_batch", { max_batch: 5 }],
    ["max_expires", { max_expires: 1 * SECOND }],
    ["inactive_threshold", { inactive_threshold: 3_600 * SECOND }],
    ["ack_wait", { ack_wait: 20 * SECOND }], // longer than a loaded machine takes for an ack
    ["headers_only", { headers_only: true }],
    ["priority_groups", { priority_groups: ["one"], priority_policy: "overflow" }],
  ] as const
) {
  test(`TopologyKeeper puts ${setting} right once while it runs, and events go on`, async () => {
    await using broker = await startBroker();
    await using release = await start(broker, ["orders.paid"]);
    await broker.jsm.consumers.update("ORDERS", "ship", change as object);
    await publish(broker, "orders.paid", 20);
    const line = await eventually(() => release.lines.find(({ message }) => /put right/.test(message)));
    assert.match(String(line.changes), new RegExp(`${setting}: `));
    await eventually(() => release.handled.length === 20);
    assert.equal(new Set(release.handled).size, 20);
    assert.equal((await release.health()).status, 200);
    assert.equal(release.lines.filter(({ level }) => level === "error").length, 1);
  });
}

test("[G7] TopologyKeeper brings back what a consumer skips that another client created again for new events", async () => {
  await using broker = await startBroker();
  const gate = Promise.withResolvers<void>(), { jsm } = broker;
  await using release = await start(broker, ["orders.paid"], {}, () => gate.promise);
  await publish(broker, "orders.paid", 50);
  // Deleted after a check has recorded the consumer.
  const info = await jsm.consumers.info("ORDERS", "ship");
  await jsm.consumers.delete("ORDERS", "ship");
  const { filter_subjects, ack_wait } = info.config;
  const again = { durable_name: "ship", filter_subjects, ack_wait, ack_policy: AckPolicy.Explicit };
  await jsm.consumers.add("ORDERS", { ...again, deliver_policy: DeliverPolicy.New });
  gate.resolve();
  await eventually(() => new Set(release.handled).size === 50);
  assert.match(release.lines.map(({ message }) => message).join(), /without the events that waited/);
});

test("TopologyKeeper lets a function pull from no consumer that forgets what it delivers, until it is replaced", async () => {
  await using broker = await startBroker();
  await using release = await start(broker, ["orders.paid"]);
  const { jsm } = broker,
    add = (ack_policy: AckPolicy) =>
      jsm.consumers.add("ORDERS", { durable_name: "ship", filter_subjects: ["orders.paid"], ack_policy });
  await jsm.consumers.delete("ORDERS", "ship");
  await add(AckPolicy.None);
  await eventually(async () => (await release.health()).status === 503);
  // Pulls from before the change end with the first events.
  await eventually(async () => {
    await publish(broker, "orders.paid", 1);
    const before = release.handled.length;
    return (await jsm.consumers.info("ORDERS", "ship")).num_pending > 0 && release.handled.length === before;
  });
  await jsm.consumers.delete("ORDERS", "ship");
  await add(AckPolicy.Explicit);
  const { last_seq } = (await jsm.streams.info("ORDERS")).state;
  await eventually(async () => (await jsm.consumers.info("ORDERS", "ship")).ack_floor.stream_seq === last_seq);
});

test("[G7] TopologyKeeper leaves the new event at a position to its own handler, once a stream was created again", async () => {
  await using broker = await startBroker();
  const began: PromiseWithResolvers<void>[] = [];
  const hold = () => {
    const run = Promise.withResolvers<void>();
    began.push(run);
    return run.promise;
  };
  await using _release = await start(broker, ["orders.paid"], {}, hold);
  const { jsm } = broker, floor = async () => (await jsm.consumers.info("ORDERS", "ship")).ack_floor.stream_seq;
  await publish(broker, "orders.paid", 1);
  await eventually(() => began.length === 1);
  await jsm.streams.delete("ORDERS");
  await eventually(async () => await publish(broker, "orders.paid", 1).then(() => true, () => false));
  await eventually(() => began.length === 2);
  began[0].resolve(); // its ack would name the new event
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await floor(), 0);
  for (const run of began) run.resolve();
  await eventually(async () => await floor() === 1);
});

for (const change of [{ subjects: ["elsewhere.>"] }, { no_ack: true }]) {
  test(`TopologyKeeper changes a stream back that another client changed: ${JSON.stringify(change)}`, async () => {
    await using broker = await startBroker();
    await using release = await start(broker, ["orders.paid"]);
    await broker.jsm.streams.update("ORDERS", change);
    await eventually(() =>
      release.lines.find(({ message }) => message === "stream ORDERS was not as declared: put right")
    );
    await publish(broker, "orders.paid", 1);
    await eventually(() => release.handled.length === 1);
  });
}

test("TopologyKeeper makes the ingress unhealthy while a stream takes no events", async () => {
  await using broker = await startBroker();
  await using release = await start(broker, ["orders.paid"]);
  await broker.jsm.streams.update("ORDERS", { sealed: true } as object);
  const { body } = await eventually(async () => {
    const health = await release.health();
    return health.status === 503 ? health : undefined;
  });
  assert.match(body.checks.ingress.error!, /^stream ORDERS: sealed: it takes no more messages$/);
});

test("TopologyKeeper leaves the limits of a stream to their operator while it runs", async () => {
  await using broker = await startBroker();
  await using release = await start(broker, ["orders.paid", "orders.lost"]);
  await broker.jsm.streams.update("ORDERS", { max_age: 3_600 * SECOND });
  await broker.jsm.consumers.update("ORDERS", "ship", { filter_subjects: ["orders.paid"] });
  await eventually(() => release.lines.find(({ message }) => /put right/.test(message)));
  assert.equal((await broker.jsm.streams.info("ORDERS")).config.max_age, 3_600 * SECOND);
});

test("TopologyKeeper: a subject_transform that hides events makes the function unhealthy, and refuses a start", async () => {
  await using broker = await startBroker();
  await using release = await start(broker, ["orders.paid"]);
  await broker.jsm.streams.update("ORDERS", { subject_transform: { src: "orders.>", dest: "hidden.>" } });
  const { status, body } = await eventually(async () => {
    const health = await release.health();
    return health.status === 503 ? health : undefined;
  });
  assert.equal(status, 503);
  assert.match(body.checks["function:ship"].error!, /subject_transform stores orders.> as hidden.>, .* orders.paid/);
  await assert.rejects(start(broker, ["orders.paid"]), StartupProblems);
  await broker.jsm.streams.update("ORDERS", { subject_transform: undefined });
  await eventually(async () => (await release.health()).status === 200);
});

for (
  const [what, change, says] of [
    [
      "a pause",
      ({ jsm }: Broker) => jsm.consumers.pause("ORDERS", "ship", new Date(Date.now() + 3_600_000)),
      /paused on ORDERS until .*: `deno task functions resume ship`/,
    ],
    [
      "the stream's consumer_limits",
      ({ jsm }: Broker) => jsm.streams.update("ORDERS", { consumer_limits: { inactive_threshold: 60 * SECOND } }),
      /is deleted after 60 s without a pull request, by the stream's consumer_limits/,
    ],
  ] as const
) {
  test(`TopologyKeeper reports ${what} in health, and changes nothing`, async () => {
    await using broker = await startBroker();
    await using release = await start(broker, ["orders.paid"]);
    await change(broker);
    const { body } = await eventually(async () => {
      const health = await release.health();
      return health.body.degraded ? health : undefined;
    });
    assert.match(Object.values(body.degraded!).join(), says);
    assert.match(release.lines.map(({ message }) => message).join(), says);
    assert.deepEqual(release.lines.filter(({ level }) => level === "error"), []);
  });
}

test("TopologyKeeper without the right to change anything reports a change, and that it is undone", async () => {
  await using broker = await startBroker();
  await using _other = await start(broker, ["orders.paid"]);
  await _other.runtime.stop();
  await using release = await start(broker, ["orders.paid"], { apply: false });
  await broker.jsm.consumers.update("ORDERS", "ship", { max_batch: 5 });
  const { status, body } = await eventually(async () => {
    const health = await release.health();
    return health.body.degraded ? health : undefined;
  });
  assert.equal(status, 200);
  assert.match(Object.values(body.degraded!).join(), /ship on stream ORDERS: max_batch is 5 and should be 0/);
  await broker.jsm.consumers.update("ORDERS", "ship", { max_batch: 0 });
  await eventually(async () => (await release.health()).body.degraded === undefined);
});

test("TopologyKeeper: processes of a release without a name go on, degraded, once the next release has one", async () => {
  await using broker = await startBroker();
  await using old = await start(broker, ["orders.paid"]);
  await using next = await start(broker, ["orders.paid"], {}, () => {}, "shop");
  const { status, body } = await eventually(async () => {
    const found = await old.health();
    return found.body.degraded ? found : undefined;
  });
  assert.equal(status, 200);
  assert.match(JSON.stringify(body.degraded), /stream RETRIES: it belongs to the project \\"shop\\"/);
  await next.runtime.stop();
  await publish(broker, "orders.paid", 5);
  await eventually(() => old.handled.length === 5);
  await assert.rejects(start(broker, ["orders.paid"]), StartupProblems);
});
