import assert from "node:assert/strict";
import { Credentials } from "../../runtime/nats/client/credentials.ts";
import { dial } from "../../runtime/nats/client/dial.ts";
import { TlsHandshakes } from "../../runtime/nats/client/tls_handshake.ts";
import { run } from "../../runtime/nats_server/run.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { refusesAll } from "../support/forbidden.ts";
import { freePorts } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { startPaymentService } from "../support/project/functions/_dev/payment_service.ts";
import { type Program, startWeir } from "../support/weir_process.ts";
import { prepareCluster, ShippedCluster } from "./nats_cluster.ts";

const BUCKETS = ["inventory", "orders"];
/** Orders of the load, a multiple of four. Each becomes four events. */
const ORDERS = Number(Deno.env.get("WEIR_NATS_ORDERS") ?? 200);
/** Requests of the load that wait for an answer at once. */
const CALLERS = 16;

const hasOpenssl = await run("openssl", ["version"]).then(() => true, () => false);
if (!hasOpenssl) console.warn("tests/deploy: skipped the test of deploy/nats, which needs openssl");

Deno.test({ name: "deploy/nats runs the order flow over TLS with least privilege", ignore: !hasOpenssl, fn: shipped });

async function shipped(t: Deno.TestContext): Promise<void> {
  await using project = await copyProject();
  await using folder = await prepareCluster(project.path, BUCKETS);
  await using cluster = await ShippedCluster.start(folder);
  await using payment = startPaymentService(0);
  const as = (user: string, more = {}) => commandRunner(project.path, "", { ...cluster.env(user), ...more });

  await t.step("apply creates everything with three replicas, also the buckets of handlers", async () => {
    const { code, text } = await as("apply")("apply", "--widen", "--bucket", ...BUCKETS);
    assert.equal(code, 0, text);
    const again = await as("apply")("apply", "--bucket", ...BUCKETS);
    assert.deepEqual(again, { code: 0, text: "nothing was changed" });
    for (const name of ["ORDERS", "STOCK", "RETRIES", "KV_inventory"]) {
      assert.equal((await cluster.jsm.streams.info(name)).config.num_replicas, 3, name);
    }
    assert.deepEqual(cluster.violations, []);
  });

  await t.step("start loses no order while the server is killed that leads a consumer", async () => {
    await using processes = await startProcesses(project.path, cluster, payment.url);
    await placeOrders(processes.url, async () => {
      const leader = await eventually(() => cluster.leader("STOCK", "capturePayment"));
      const node = cluster.nodes.get(leader)!;
      await node.stop("SIGKILL");
      await eventually(async () => ![undefined, leader].includes(await cluster.leader("STOCK", "capturePayment")));
      await node.start(folder.path);
    });
    await eventually(async () => await countOf(cluster, "orders.confirmed") >= ORDERS);
    assert.equal(await countOf(cluster, "orders.created"), ORDERS);
    await eventually(() => isSettled(cluster));
    assert.equal(await countOf(cluster, "orders.confirmed"), ORDERS, "an order was confirmed twice");
    assert.equal(payment.charges.size, ORDERS);
    assert.equal((await cluster.jsm.streams.info("DEAD_LETTERS")).state.messages, 0);
    for (const process of processes.all) process.kill("SIGTERM");
    assert.deepEqual((await Promise.all(processes.all.map(({ status }) => status))).map(({ code }) => code), [0, 0, 0]);
    assert.deepEqual(cluster.violations, []);
  });

  await t.step("the servers refuse each user what is not its work", async () => {
    await refusesAll((user) => cluster.connection(user), [
      ["ingress", "stock.reserved"],
      ["ingress", "$JS.API.CONSUMER.MSG.NEXT.ORDERS.reserveInventory"],
      ["ingress", "$KV.inventory.book"],
      ["functions", "orders.created"],
      ["functions", "$JS.API.STREAM.UPDATE.ORDERS"],
      ["functions", "$JS.API.STREAM.DELETE.KV_inventory"],
      ["apply", "orders.created"],
      ["apply", "$KV.inventory.book"],
      ["apply", "$JS.API.STREAM.PURGE.ORDERS"],
    ], cluster.violations);
  });

  const refused: [what: string, user: string, args: string[], more: Record<string, string>, says: RegExp][] = [
    ["apply", "ingress", ["apply"], {}, /this NATS user lacks a permission \(.*"\$JS\.API\./],
    ["publish", "ingress", ["publish", "stock.reserved", "--sample", "1"], {}, /may not publish to "stock\.reserved"/],
    ["plan with another CA", "apply", ["plan"], { NATS_TLS_CA: `${folder.path}/certs/client.crt` }, /as NATS_TLS_CA/],
    ["plan with another password", "apply", ["plan"], { NATS_PASSWORD: "guessed" }, /Violation: check .*NATS_PASSWORD/],
  ];
  for (const [what, user, args, more, says] of refused) {
    await t.step(`${what} as the user ${user} ends with 1 and says why`, async () => {
      const { code, text } = await as(user, { LOG_FORMAT: "pretty", ...more })(...args);
      assert.equal(code, 1, text);
      assert.match(text, says);
    });
  }

  await t.step("the servers refuse clients without TLS, or without a certificate", async () => {
    const { tls: { ca }, servers, ...plain } = cluster.connection("apply");
    const unencrypted = servers.map((url) => url.replace("tls:", "nats:"));
    for (const options of [{ ...plain, servers: unencrypted }, { ...plain, servers, tls: { ca } }]) {
      const credentials = Credentials.read(options, {});
      assert.ok(!(credentials instanceof Error));
      const once = { timeout: 1_000, ignoreClusterUpdates: true };
      await assert.rejects(dial(options, credentials, new TlsHandshakes(), once));
    }
  });
}

/** Starts the ingress and two processes of all functions, each as the user of its role. */
async function startProcesses(project: string, cluster: ShippedCluster, paymentUrl: string) {
  await using stack = new AsyncDisposableStack();
  const ports = freePorts("PORT"), roles = ["ingress", "functions", "functions"];
  const all: Program[] = roles.map((role) => {
    const port = role === "ingress" ? ports.PORT : "0";
    const own = { WEIR_ROLES: role, HOST: "127.0.0.1", PORT: port, ADMIN_PORT: "0", LOG_LEVEL: "info" };
    const env = { ...cluster.env(role), ...own, PAYMENT_URL: paymentUrl };
    return stack.use(startWeir(project, ["start", "--no-apply"], env));
  });
  for (const process of all) await process.waitForLog(({ message }) => message === "ready");
  const ends = stack.move();
  return { all, url: `http://127.0.0.1:${ports.PORT}`, [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

/** Posts every order until it is accepted, and injects a fault after a quarter of them. */
async function placeOrders(url: string, fault: () => Promise<void>): Promise<void> {
  const quarter = Promise.withResolvers<void>();
  let next = 0;
  const caller = async () => {
    for (let n = next++; n < ORDERS; n = next++) {
      if (n === ORDERS / 4) quarter.resolve();
      await eventually(() => post(url, n));
    }
  };
  await Promise.all([...Array.from({ length: CALLERS }, caller), quarter.promise.then(fault)]);
}

/** Posts an order. A repeat has the same `Idempotency-Key`, so that it is stored once. */
async function post(url: string, n: number): Promise<boolean> {
  const response = await fetch(`${url}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": `order-${n}` },
    body: JSON.stringify({ orderId: `o${n}`, items: [{ sku: `sku${n % 100}`, quantity: 1 }], total: 1_200 }),
  });
  await response.body?.cancel();
  return response.status === 202;
}

async function countOf({ jsm }: ShippedCluster, type: string): Promise<number> {
  const stream = type.split(".")[0].toUpperCase();
  return (await jsm.streams.info(stream, { subjects_filter: type })).state.subjects?.[type] ?? 0;
}

/** Returns whether no consumer has an event that waits or is being handled. */
async function isSettled({ jsm }: ShippedCluster): Promise<boolean> {
  for (const stream of ["ORDERS", "STOCK", "PAYMENTS", "RETRIES"]) {
    for await (const { num_pending, num_ack_pending } of jsm.consumers.list(stream)) {
      if (num_pending + num_ack_pending > 0) return false;
    }
  }
  return true;
}
