/** The tests' project under `weir start`, with customers who place orders until the end. */
import { jetstreamManager } from "@nats-io/jetstream";
import { startPaymentService } from "../support/project/functions/_dev/payment_service.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { freePorts } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

/** Milliseconds between two orders. */
const ORDER_EVERY_MS = 50;
const json = { "content-type": "application/json" };

/** Starts nats-server, the payment service, `weir start` and the customers. */
export async function startShop() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startServer());
  const payment = stack.use(startPaymentService(0));
  const project = stack.use(await copyProject());
  const ports = freePorts("PORT", "ADMIN_PORT");
  const env = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url, PAYMENT_URL: payment.url, LOG_LEVEL: "info" };
  const weir = stack.use(startWeir(project.path, ["start"], env));
  await weir.waitForLog(({ message }) => message === "ready");
  const nc = await connectNats({ servers: [server.url], name: "shop" });
  stack.defer(() => nc.close());

  const url = `http://127.0.0.1:${ports.PORT}`, answers: Record<number, number> = {};
  const post = async (order: object, headers = {}) => {
    const body = JSON.stringify(order);
    const response = await fetch(`${url}/orders`, { method: "POST", headers: { ...json, ...headers }, body });
    await response.body?.cancel();
    answers[response.status] = (answers[response.status] ?? 0) + 1;
  };
  const under = new Set<Promise<void>>();
  let n = 0;
  const customer = setInterval(() => {
    n++;
    const order = { orderId: `o${n}`, items: [{ sku: `sku${n % 500}`, quantity: 1 }], total: 1_200 };
    const what = n % 20 === 0 ? { ...order, total: 90_000_000 } : n % 23 === 0 ? { orderId: 7 } : order;
    const posting: Promise<void> = post(what, n % 17 === 0 ? { "idempotency-key": `k${n % 3}` } : {})
      .catch(() => {}).finally(() => under.delete(posting));
    under.add(posting);
    // Every hundredth order is followed by invalid data from another publisher.
    if (n % 100 === 0 && !nc.isClosed()) nc.publish("orders.created", '{"orderId":');
  }, ORDER_EVERY_MS);
  stack.defer(async () => {
    clearInterval(customer);
    await Promise.all(under);
  });

  const ends = stack.move();
  return {
    server,
    payment,
    answers: answers as Readonly<Record<number, number>>,
    admin: `http://127.0.0.1:${ports.ADMIN_PORT}`,
    jsm: await jetstreamManager(nc, { checkAPI: false }),
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}
