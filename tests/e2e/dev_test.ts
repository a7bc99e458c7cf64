import assert from "node:assert/strict";
import { copyProject, freePorts, listens, type Program, startWeir, waitUntilClosed } from "./program.ts";

const order = { orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 };

/** `dev` in a copy of the project, on ports of its own, ready. */
async function setup() {
  const project = await copyProject();
  const env = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  const dev = startWeir(project.path, ["dev"], { ...env, PAYMENT_URL: `http://127.0.0.1:${env.PAYMENT_PORT}` });
  const ready = await dev.waitForLog(({ message }) => message === "ready");
  const natsPort = new URL(await Deno.readTextFile(`${project.path}/.weir/nats_url`)).port;
  return {
    dev,
    project,
    ready,
    ports: [natsPort, ...Object.values(env)],
    post: (path: string, body: unknown) =>
      fetch(`http://127.0.0.1:${env.PORT}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: async () => {
      await dev[Symbol.asyncDispose]();
      await waitUntilClosed([natsPort]);
      await project[Symbol.asyncDispose]();
    },
  };
}

function handled(dev: Program, name: string) {
  return dev.waitForLog((line) => line.function === name && line.outcome === "ack");
}

Deno.test("dev brings everything up, and one trace id leads through an order's whole way", async () => {
  await using weir = await setup();
  const { status } = await fetch(`${weir.ready.url}/health`).then(async (response) => {
    await response.body?.cancel();
    return response;
  });
  assert.equal(status, 200);
  const response = await weir.post("/orders", order);
  assert.equal(response.status, 202);
  await response.body?.cancel();
  const steps = [];
  for (const name of ["reserveInventory", "capturePayment", "confirmOrder"]) steps.push(await handled(weir.dev, name));
  assert.equal(new Set(steps.map(({ trace_id }) => trace_id)).size, 1);
  assert.match(String(steps[0].trace_id), /^[0-9a-f]{32}$/);
  assert.deepEqual(steps.map(({ event_type, attempt }) => [event_type, attempt]), [
    ["orders.created", 1],
    ["stock.reserved", 1],
    ["payments.captured", 1],
  ]);
});

Deno.test("a function that is added while dev runs handles the next event", async () => {
  await using weir = await setup();
  await Deno.writeTextFile(
    `${weir.project.path}/functions/noteOrder.ts`,
    `import { defineFunction } from "weir";
     import { OrderCreated } from "../schemas/orders.ts";
     export default defineFunction({ on: OrderCreated }, (event, { log }) => log.info("noted " + event.data.orderId));`,
  );
  await weir.dev.waitForLog(({ functions }) => Array.isArray(functions) && functions.includes("noteOrder"));
  const response = await weir.post("/orders", order);
  await response.body?.cancel();
  const line = await weir.dev.waitForLog(({ message }) => message === "noted o1");
  assert.equal(line.function, "noteOrder");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`after ${signal} dev ends with 0, and all that it started is gone`, async () => {
    await using weir = await setup();
    weir.dev.kill(signal);
    assert.equal((await weir.dev.status).code, 0);
    for (const port of weir.ports) assert.equal(await listens(port), false, `port ${port} is open`);
  });
}

Deno.test("a Ctrl-C that arrives twice, from the terminal and from the task runner, still stops in good order", async () => {
  await using weir = await setup();
  weir.dev.kill("SIGINT");
  weir.dev.kill("SIGINT");
  assert.equal((await weir.dev.status).code, 0);
  assert.ok(weir.dev.lines.some((line) => line.includes('"message":"stopped"')), weir.dev.lines.join("\n"));
});

Deno.test("after kill -9 of dev all that it started is gone", async () => {
  await using weir = await setup();
  weir.dev.kill("SIGKILL");
  await waitUntilClosed(weir.ports);
});

Deno.test("after kill -9 of the runtime itself dev ends, and all that it started is gone", async () => {
  await using weir = await setup();
  Deno.kill(Number(weir.ready.pid), "SIGKILL");
  assert.equal((await weir.dev.status).code, 1);
  for (const port of weir.ports) assert.equal(await listens(port), false, `port ${port} is open`);
});
