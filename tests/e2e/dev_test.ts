import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts, listens, waitUntilClosed } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

const order = { orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 };

/** `dev` in a copy of the project, on ports of its own, ready. */
async function setup() {
  const project = await copyProject();
  const env = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  const dev = startWeir(project.path, ["dev"], { ...env, PAYMENT_URL: `http://127.0.0.1:${env.PAYMENT_PORT}` });
  await dev.waitForLine(/^Weir is up in/);
  const { nats } = JSON.parse(await Deno.readTextFile(`${project.path}/.weir/dev.json`));
  const natsPort = new URL(nats).port;
  return {
    dev,
    project,
    url: `http://127.0.0.1:${env.PORT}`,
    ports: [natsPort, ...Object.values(env)],
    write: (file: string, code: string) => Deno.writeTextFile(`${project.path}/${file}`, code),
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
  const { status } = await fetch(`${weir.url}/health`).then(async (response) => {
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
  await weir.write(
    "functions/noteOrder.ts",
    `import { defineFunction } from "weir";
     import { OrderCreated } from "../schemas/orders.ts";
     export default defineFunction({ on: OrderCreated }, (event, { log }) => log.info("noted " + event.data.orderId));`,
  );
  await weir.dev.waitForLine(/functions\/noteOrder\.ts: live in \d+ ms \(\+ noteOrder\)/);
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
  for (const port of weir.ports) assert.equal(await listens(port), false, `port ${port} is open`);
});

Deno.test("while handlers still run after a Ctrl-C dev says so, and a second one ends it at once", async () => {
  await using weir = await setup();
  await weir.write(
    "functions/_slow.ts",
    `export const forEver = () => new Promise<void>((resolve) => setTimeout(resolve, 100_000));`,
  );
  await weir.write(
    "functions/slow.ts",
    `import { defineFunction } from "weir";
     import { forEver } from "./_slow.ts";
     export default defineFunction({ on: "orders.created", timeout: "2m" }, async (_, { log }) => {
       log.info("slow begins");
       await forEver();
     });`,
  );
  await weir.dev.waitForLine(/slow\.ts: live/);
  const response = await weir.post("/orders", order);
  await response.body?.cancel();
  await weir.dev.waitForLog(({ message }) => message === "slow begins");
  weir.dev.kill("SIGINT");
  await weir.dev.waitForLine(/handlers still run: they may take up to 25 s \(SHUTDOWN_GRACE\)\. Ctrl-C again ends/);
  weir.dev.kill("SIGINT");
  assert.equal((await weir.dev.status).code, 130);
  await waitUntilClosed(weir.ports);
});

Deno.test("after kill -9 of dev all that it started is gone", async () => {
  await using weir = await setup();
  weir.dev.kill("SIGKILL");
  await waitUntilClosed(weir.ports);
});

Deno.test("after kill -9 of the runtime itself dev starts it again, and what was posted meanwhile is answered", async () => {
  await using weir = await setup();
  for (const pid of await childrenOf(weir.dev.pid, / generation$/)) Deno.kill(pid, "SIGKILL");
  await weir.dev.waitForLine(/the runtime was ended by SIGKILL/);
  const response = await weir.post("/orders", order);
  assert.equal(response.status, 202);
  await response.body?.cancel();
  await weir.dev.waitForLine(/started again: live/);
  await handled(weir.dev, "confirmOrder");
});

Deno.test("after kill -9 of its nats-server dev starts it again, with what it had stored", async () => {
  await using weir = await setup();
  const post = async () => (await (await weir.post("/orders", order)).json()).sequence;
  assert.equal(await post(), 1);
  await handled(weir.dev, "confirmOrder");
  const [pid] = await childrenOf(weir.dev.pid, / -js -sd /);
  Deno.kill(pid, "SIGKILL");
  await weir.dev.waitForLine(/nats-server was ended by SIGKILL: it runs again, with all that it had stored/);
  await weir.dev.waitForLog(({ message }) => message === "reconnected to NATS");
  assert.equal(await post(), 3); // what confirmOrder emitted is the second
});

Deno.test("commands in its folder find a dev that runs, and take no word of one that was killed", async () => {
  await using weir = await setup();
  const run = (...args: string[]) => startWeir(weir.project.path, args, {});
  await using published = run("publish", "orders.created", JSON.stringify(order));
  await published.waitForLine(/^stored orders\.created/);
  await using first = run("new", "shipOrder", "--on", "orders.shipped");
  await first.waitForLine(new RegExp(`curl -i ${weir.url}/events/orders.shipped`));
  weir.dev.kill("SIGKILL");
  await waitUntilClosed(weir.ports);
  await Deno.stat(`${weir.project.path}/.weir/dev.json`); // it is there still
  await using second = run("new", "packOrder", "--on", "orders.packed");
  await second.waitForLine(/curl -i http:\/\/127\.0\.0\.1:8000\/events\/orders.packed/);
});

Deno.test("commands find the NATS that a dev was told of, and its password is in no file", async () => {
  await using server = await startServer({ config: "authorization { user: u, password: p }" });
  await using project = await copyProject();
  const env = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  await using dev = startWeir(project.path, ["dev"], { ...env, NATS_URL: server.url.replace("//", "//u:p@") });
  await dev.waitForLine(/^Weir is up in/);
  const said = JSON.parse(await Deno.readTextFile(`${project.path}/.weir/dev.json`));
  assert.equal(said.nats, server.url);
  dev.kill("SIGTERM");
  await dev.status;
});

Deno.test("a port that was asked for and is taken is told with who has it and what to try", async () => {
  await using project = await copyProject();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using dev = startWeir(project.path, ["dev"], { PORT: String(port) });
  const line = await dev.waitForLine(/^weir: /);
  assert.match(
    line,
    new RegExp(`^weir: port ${port} is taken by \\S+ \\(pid ${Deno.pid}\\): end it, or try PORT=\\d+$`),
  );
  assert.equal((await dev.status).code, 1);
});

Deno.test("several dev that are started at once in several folders each get a NATS", async () => {
  const worlds = await Promise.all([1, 2, 3].map(setup));
  try {
    assert.equal(new Set(worlds.map(({ ports }) => ports[0])).size, 3);
  } finally {
    for (const world of worlds) await world[Symbol.asyncDispose]();
  }
});

Deno.test("a second dev in the same folder is refused", async () => {
  await using weir = await setup();
  await using second = startWeir(weir.project.path, ["dev"], freePorts("PORT", "ADMIN_PORT"));
  await second.waitForLine(/^weir: another `deno task dev` runs in this folder/);
  assert.equal((await second.status).code, 1);
});

Deno.test("what was stored survives a restart, and --fresh drops it", async () => {
  await using project = await copyProject();
  const sequences: number[] = [];
  for (const args of [["dev"], ["dev"], ["dev", "--fresh"]]) {
    const env = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
    await using dev = startWeir(project.path, args, { ...env, PAYMENT_URL: `http://127.0.0.1:${env.PAYMENT_PORT}` });
    await dev.waitForLine(/^Weir is up in/);
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(order) };
    const response = await fetch(`http://127.0.0.1:${env.PORT}/events/orders.created`, init);
    sequences.push((await response.json()).sequence);
    await handled(dev, "confirmOrder"); // which leaves the second event in this stream
    dev.kill("SIGTERM");
    await dev.status;
  }
  assert.deepEqual(sequences, [1, 3, 1]);
});

/** The processes of this command line that it started. */
async function childrenOf(pid: number, commandLine: RegExp): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=,args=", "--ppid", String(pid)] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => commandLine.test(line));
  return lines.map((line) => Number(/\d+/.exec(line)![0]));
}

Deno.test("where NATS is away dev goes on trying, and runs once it is there", async () => {
  await using project = await copyProject();
  const { NATS, ...env } = freePorts("NATS", "PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  await using dev = startWeir(project.path, ["dev"], { ...env, NATS_URL: `nats://127.0.0.1:${NATS}` });
  await dev.waitForLine(/error cannot connect to NATS at /);
  await dev.waitForLine(/nothing runs: trying again every 2 s/);
  await using _server = await startServer({ port: Number(NATS) });
  await dev.waitForLine(/started: live/);
  const response = await fetch(`http://127.0.0.1:${env.PORT}/health/ready`);
  assert.equal(response.status, 200);
  await response.body?.cancel();
  dev.kill("SIGTERM"); // while NATS is there
  await dev.status;
});
