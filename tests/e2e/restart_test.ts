import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";
import { startPaymentService } from "../support/project/functions/_dev/payment_service.ts";
import type { OrderState, Stock } from "../support/project/functions/_inventory.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";
import { eventually } from "../support/eventually.ts";

/** Number of orders: 1,000 for a short run. `WEIR_TEST_ORDERS=10000` makes a long one. */
const ORDERS = Number(Deno.env.get("WEIR_TEST_ORDERS") ?? 1_000);
const ARTICLES = 10;
const CLIENTS = 32;
const RESTARTS = 3;
/** Milliseconds that bound the wait for all orders: generous, for a loaded machine. */
const FLOW_MS = 120_000 + ORDERS * 20;

Deno.test(`start ends each of ${ORDERS} orders once across ${RESTARTS} restarts, and the stock is exact`, async () => {
  await using server = await startServer();
  await using project = await copyProject();
  await using service = startPaymentService(0);
  const nc = await connect({ servers: server.url });
  const jsm = await jetstreamManager(nc);
  const kvm = new Kvm(nc);
  const inventory = await kvm.create("inventory"), orders = await kvm.create("orders");
  // Stock for half of the orders, so that both outcomes occur.
  const onHand = Math.floor(ORDERS / ARTICLES / 2);
  for (let i = 0; i < ARTICLES; i++) await inventory.put(`sku${i}`, JSON.stringify({ onHand, reserved: {} }));

  const env = {
    ...freePorts("PORT", "ADMIN_PORT"),
    HOST: "127.0.0.1",
    NATS_URL: server.url,
    PAYMENT_URL: service.url,
    LOG_LEVEL: "info",
  };
  const start = async () => {
    const runtime = startWeir(project.path, ["start"], env);
    await runtime.waitForLog(({ message }) => message === "ready");
    return runtime;
  };
  let runtime = await start();
  let posted = 0;
  const post = async (n: number) => {
    const order = { orderId: `o${n}`, items: [{ sku: `sku${n % ARTICLES}`, quantity: 1 }], total: 1_200 };
    while (true) {
      try {
        const response = await fetch(`http://127.0.0.1:${env.PORT}/orders`, {
          method: "POST",
          headers: { "content-type": "application/json", "idempotency-key": `o${n}` },
          body: JSON.stringify(order),
        });
        await response.body?.cancel();
        if (response.status === 202) return;
        assert.equal(response.status, 503);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // connection refused: the process is being restarted
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (posted < ORDERS) await post(posted++);
  });
  for (let restart = 1; restart <= RESTARTS; restart++) {
    await eventually(() => posted >= ORDERS * restart / (RESTARTS + 1), { within: FLOW_MS });
    runtime.kill("SIGTERM");
    assert.equal((await runtime.status).code, 0);
    runtime = await start();
  }
  await Promise.all(clients);

  const ends = { "orders.confirmed": 0, "orders.rejected": 0 };
  await eventually(async () => {
    const { state } = await jsm.streams.info("ORDERS", { subjects_filter: "orders.*" });
    for (const type of Object.keys(ends) as (keyof typeof ends)[]) ends[type] = state.subjects?.[type] ?? 0;
    if (ends["orders.confirmed"] + ends["orders.rejected"] === ORDERS) return true;
    throw new Error(`only ${JSON.stringify(ends)} of ${ORDERS} orders ended`);
  }, { within: FLOW_MS, every: 100 });
  const half = onHand * ARTICLES;
  assert.deepEqual(ends, { "orders.confirmed": half, "orders.rejected": ORDERS - half });
  assert.equal(service.charges.size, half);
  for (let i = 0; i < ARTICLES; i++) {
    assert.deepEqual((await inventory.get(`sku${i}`))!.json<Stock>(), { onHand: 0, reserved: {} });
  }
  const states = { confirmed: 0, rejected: 0, reserved: 0 };
  for (let n = 0; n < ORDERS; n++) states[(await orders.get(`o${n}`))!.json<OrderState>().status]++;
  assert.deepEqual(states, { confirmed: half, rejected: ORDERS - half, reserved: 0 });
  assert.equal((await jsm.streams.info("DEAD_LETTERS")).state.messages, 0);

  runtime.kill("SIGTERM");
  await runtime.status;
  await nc.close();
});
