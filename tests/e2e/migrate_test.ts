import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { type Cluster, connectCluster } from "../../runtime/app/cluster.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { desiredState } from "../../runtime/app/desired_state.ts";
import { Namespace, NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { publishAsync } from "../../runtime/engine/publisher.ts";
import { DeadLetterService } from "../../runtime/nats/dead_letters/service.ts";
import { Migration } from "../../runtime/nats/migrate/migration.ts";
import type { MessagePublisher } from "../../runtime/nats/publish/message_publisher.ts";
import { RetryService } from "../../runtime/nats/retry/service.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), text: z.string() }) });
const SHOP = new Namespace("shop"), NAMES = ["pay", "log"];
/** Nearly `max_payload`: its dead letter is stored in chunks. */
const LARGE = "x".repeat(1_048_576 - 700);

/** Returns two functions on the same event, and what they handled. */
function functions() {
  const paid: number[] = [], logged: number[] = [];
  const pay = defineFunction(
    { on: Asked, idempotency: true, breaker: { consecutiveFailures: 1e6 } },
    ({ data: { n } }) => {
      if (n % 10 === 3) throw new NonRetryableError(`refused ${n}`);
      if (n % 10 === 4) throw new RetryAfterError("1h");
      paid.push(n);
    },
  );
  const log = defineFunction({ on: Asked }, ({ data: { n } }) => void logged.push(n));
  return { functions: { pay, log }, paid, logged };
}

async function connect(server: NatsServer, namespace?: string): Promise<Cluster> {
  const env: Record<string, string | undefined> = { NATS_URL: server.url, WEIR_NAMESPACE: namespace };
  return await connectCluster(readConfig({ get: (name) => env[name], readFile: () => "" }));
}

async function publish({ publisher }: Cluster, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) {
    const json = JSON.stringify({ n, text: n === 3 ? LARGE : "small" });
    await publishAsync(publisher, {
      id: `ask-${n}`,
      type: Asked.type,
      source: "/test",
      time: new Date().toISOString(),
      json,
    });
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const handledOf = (numbers: readonly number[]) => numbers.filter((n) => n % 10 !== 3 && n % 10 !== 4);
const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);

/** Passes messages on until a number of them are stored, and then fails, as a process that is killed. */
function killedAfter(messages: MessagePublisher, count: number): MessagePublisher {
  let left = count;
  return {
    publish: async (...message) => {
      if (left-- <= 0) throw new Error("killed");
      const stored = await messages.publish(...message);
      if (left <= 0) throw new Error("killed");
      return stored;
    },
  };
}

Deno.test("migrate moves what waits into a namespace, however often it is killed, and nothing is lost or handled twice", async (t) => {
  await using server = await startServer();
  await using scope = new AsyncDisposableStack();
  const plain = scope.adopt(await connect(server), ({ close }) => close());
  const inShop = scope.adopt(await connect(server, "shop"), ({ close }) => close());
  const first = range(1, 20), later = range(21, 70);
  const before = functions();
  const { functions: declared } = before;
  await using runtime: TestRuntime = await startTestRuntime({ functions: declared, server });
  await runtime.kv("stock").put("books", 7);
  await publish(plain, first);
  const service = new DeadLetterService(plain);
  await eventually(async () => (await Array.fromAsync(service.list({}))).length === 2);
  await eventually(() => before.logged.length === first.length && before.paid.length === handledOf(first).length);
  await eventually(async () => (await Array.fromAsync(new RetryService(plain).list({}))).length === 2);
  const [large, redriven] = await Array.fromAsync(service.list({}));
  assert.deepEqual([large.error, redriven.error], ["NonRetryableError: refused 3", "NonRetryableError: refused 13"]);

  await t.step("it refuses to run while a process pulls", async () => {
    await assert.rejects(
      migrate(plain.messages),
      /a process pulls from consumer log on stream DEMO: stop the processes/,
    );
  });
  await runtime.stop();
  await publish(plain, later);
  await service.redrive(redriven.sequence, false); // waits in RETRIES

  async function migrate(messages: MessagePublisher) {
    const cluster = { ...plain, messages, from: NO_NAMESPACE, to: SHOP };
    return await new Migration(cluster, NAMES).run(["stock"], new AbortController().signal);
  }

  await t.step("it counts what waits", async () => {
    const counts = await new Migration({ ...plain, from: NO_NAMESPACE, to: SHOP }, NAMES).count();
    assert.deepEqual(counts, { events: 2 * later.length + 1, delayedRetries: 2, deadLetters: 1, entries: 0 });
  });

  await t.step("it moves all, although it is killed again and again", async () => {
    const config = readConfig({ get: (name) => name === "WEIR_NAMESPACE" ? "shop" : undefined, readFile: () => "" });
    await ensureTopology(plain.jsm, desiredState(config, registryOf(declared)));
    for (const count of [5, 18, 40, 45]) await assert.rejects(migrate(killedAfter(plain.messages, count)), /killed/);
    await migrate(plain.messages);
    const again = await migrate(plain.messages);
    assert.deepEqual(again, { events: 0, delayedRetries: 0, deadLetters: 0, entries: 0 });
    for (const stream of ["RETRIES", "DEAD_LETTERS"]) {
      assert.equal((await plain.jsm.streams.info(stream)).state.messages, 0, stream);
    }
  });

  await t.step("a process of the namespace goes on where the one without stopped", async () => {
    const after = functions();
    await using shop = await startTestRuntime({ functions: after.functions, server, env: { WEIR_NAMESPACE: "shop" } });
    const letters = new DeadLetterService(inShop), refused = later.filter((n) => n % 10 === 3).length;
    await eventually(() => after.logged.length === later.length && after.paid.length === handledOf(later).length);
    await eventually(async () => (await Array.fromAsync(letters.list({}))).length === 2 + refused);
    await eventually(async () => (await Array.fromAsync(new RetryService(inShop).list({}))).length === 2 + 5);
    assert.deepEqual(sorted(after.logged), later);
    assert.deepEqual(sorted(after.paid), handledOf(later));
    const all = await Array.fromAsync(letters.list({})), [{ sequence }] = all;
    assert.deepEqual(new Set(all.map(({ error }) => error)).size, all.length);
    const { payload } = (await letters.read(sequence))!;
    assert.equal(JSON.parse(new TextDecoder().decode(payload)).text, LARGE);
    assert.equal((await shop.kv<number>("stock").get("books"))?.value, 7);
    await publish(inShop, [1, 2]); // handled before, in no namespace
    await eventually(() => after.logged.length === later.length + 2);
    await eventually(async () => (await inShop.jsm.consumers.info("shop_DEMO", "shop_pay")).num_ack_pending === 0);
    assert.deepEqual(sorted(after.paid), handledOf(later));
  });
});
