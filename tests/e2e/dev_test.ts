import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts, listens } from "../support/ports.ts";
import { commandLinesWith } from "../support/processes.ts";
import { copyProject } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

const order = { orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 };

/**
 * Starts `dev` in a project, on its own ports, and waits until it is up. `reload_test.ts` has the type check.
 *
 * @param path The folder of the project. Default: a copy of the tests' project, which ends with `dev`.
 */
async function setup(path?: string, ...options: string[]) {
  const project = path === undefined ? await copyProject() : { path, [Symbol.asyncDispose]: () => Promise.resolve() };
  const env = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  const dev = startWeir(project.path, ["dev", "--no-check", ...options], {
    ...env,
    PAYMENT_URL: `http://127.0.0.1:${env.PAYMENT_PORT}`,
  });
  await dev.waitForLine(/^Weir is up in/);
  const { nats } = JSON.parse(await Deno.readTextFile(`${project.path}/.weir/dev.json`));
  /**
   * Returns what `dev` has left running: its nats-server, known by its store and not by a port that others use, and
   * ports.
   */
  const running = async () => {
    const lines = await commandLinesWith(`${project.path}/.weir/jetstream`);
    const servers = lines.filter((line) => !line.includes("sh -c")); // without the watchdog
    const open = await Promise.all(Object.values(env).map(async (port) => await listens(port) ? [`port ${port}`] : []));
    return [...servers, ...open.flat()];
  };
  const waitUntilGone = () => eventually(async () => (await running()).length === 0);
  const post = (path: string, body: unknown) =>
    fetch(`http://127.0.0.1:${env.PORT}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  return {
    dev,
    project,
    url: `http://127.0.0.1:${env.PORT}`,
    nats,
    running,
    waitUntilGone,
    write: (file: string, code: string) => Deno.writeTextFile(`${project.path}/${file}`, code),
    post,
    /** Posts an order, and returns its sequence once the last function has handled what follows from it. */
    order: async (orderId: string): Promise<number> => {
      const from = dev.lines.length, response = await post("/orders", { ...order, orderId });
      assert.equal(response.status, 202);
      const { sequence } = await response.json();
      await handled(dev, "confirmOrder", from);
      return sequence;
    },
    /** Sends signals, and checks that `dev` exits with 0 and leaves no process. */
    end: async (...signals: Deno.Signal[]) => {
      for (const signal of signals) dev.kill(signal);
      assert.equal((await dev.status).code, 0, `${signals}`);
      assert.deepEqual(await running(), [], `${signals}`);
    },
    [Symbol.asyncDispose]: async () => {
      await dev[Symbol.asyncDispose]();
      await waitUntilGone();
      await project[Symbol.asyncDispose]();
    },
  };
}

/** Resolves to the line of the log by which a function has handled an event. */
async function handled(dev: Program, name: string, from = 0): Promise<Record<string, unknown>> {
  return JSON.parse(await dev.waitForLine(new RegExp(`^(?=.*"function":"${name}")(?=.*"outcome":"ack")`), from));
}

Deno.test("dev runs everything, restarts what is killed, and is found until SIGKILL", async (t) => {
  await using weir = await setup();

  await t.step("all steps of an order share one trace id", async () => {
    const { status, body } = await fetch(`${weir.url}/health`);
    await body?.cancel();
    assert.equal(status, 200);
    const response = await weir.post("/orders", order);
    assert.equal(response.status, 202);
    await response.body?.cancel();
    const steps = [];
    for (const name of ["reserveInventory", "capturePayment", "confirmOrder"]) {
      steps.push(await handled(weir.dev, name));
    }
    assert.equal(new Set(steps.map(({ trace_id }) => trace_id)).size, 1);
    assert.match(String(steps[0].trace_id), /^[0-9a-f]{32}$/);
    assert.deepEqual(steps.map(({ event_type, attempt }) => [event_type, attempt]), [
      ["orders.created", 1],
      ["stock.reserved", 1],
      ["payments.captured", 1],
    ]);
  });

  await t.step("dev restarts its nats-server after SIGKILL, with all stored data", async () => {
    const before = await weir.order("o2"), from = weir.dev.lines.length;
    const [pid] = await childrenOf(weir.dev.pid, / -js -sd /);
    Deno.kill(pid, "SIGKILL");
    await weir.dev.waitForLine(/nats-server was killed by SIGKILL: restarted with all stored data/);
    await weir.dev.waitForLine(/"message":"reconnected to NATS"/, from);
    assert.equal(await weir.order("o3"), before + 2); // confirmOrder emitted the second event
  });

  await t.step("dev restarts the runtime after SIGKILL, and answers a request that arrives meanwhile", async () => {
    for (const pid of await childrenOf(weir.dev.pid, / revision$/)) Deno.kill(pid, "SIGKILL");
    await weir.dev.waitForLine(/the runtime was killed by SIGKILL/);
    await weir.order("o4");
    await weir.dev.waitForLine(/restarted: live/);
  });

  await t.step("dev runs a function that is added, and it handles the next event, until it is removed", async () => {
    await weir.write(
      "functions/noteOrder.ts",
      `import { defineFunction } from "weir";
       import { OrderCreated } from "../schemas/orders.ts";
       export default defineFunction({ on: OrderCreated }, (event, { log }) => log.info("noted " + event.data.orderId));`,
    );
    await weir.dev.waitForLine(/functions\/noteOrder\.ts: live in \d+ ms/);
    await weir.order("o5");
    const line = await weir.dev.waitForLog(({ message }) => message === "noted o5");
    assert.equal(line.function, "noteOrder");
    await Deno.remove(`${weir.project.path}/functions/noteOrder.ts`);
    await weir.dev.waitForLine(/functions\/noteOrder\.ts: removed in \d+ ms/);
  });

  await t.step("dev refuses to start a second time in the same folder", async () => {
    await using second = startWeir(weir.project.path, ["dev"], freePorts("PORT", "ADMIN_PORT"));
    await second.waitForLine(/^weir: another `deno task dev` runs in this folder/);
    assert.equal((await second.status).code, 1);
  });

  await t.step(
    "commands in its folder find it while it runs, and not after SIGKILL, which leaves no process",
    async () => {
      const run = (...args: string[]) => startWeir(weir.project.path, args, {});
      await using published = run("publish", "orders.created", JSON.stringify(order));
      await published.waitForLine(/^stored orders\.created/);
      await using first = run("new", "shipOrder", "--on", "orders.shipped");
      await first.waitForLine(new RegExp(`curl -i ${weir.url}/events/orders.shipped`));
      weir.dev.kill("SIGKILL");
      await weir.waitUntilGone();
      await Deno.stat(`${weir.project.path}/.weir/dev.json`); // the file is left
      await using second = run("new", "packOrder", "--on", "orders.packed");
      await second.waitForLine(/curl -i http:\/\/127\.0\.0\.1:8000\/events\/orders.packed/);
    },
  );
});

Deno.test("dev waits for running handlers after a Ctrl-C and says so, and exits at once after a second one", async () => {
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
  await weir.dev.waitForLine(/waiting up to 25 s \(SHUTDOWN_GRACE\) for running handlers\. Ctrl-C again stops them/);
  weir.dev.kill("SIGINT");
  assert.equal((await weir.dev.status).code, 130);
  await weir.waitUntilGone();
});

Deno.test("dev refuses a PORT that is in use, and names the process and another port", async () => {
  await using project = await copyProject();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using dev = startWeir(project.path, ["dev", "--no-check"], { PORT: String(port) });
  const line = await dev.waitForLine(/^weir: /);
  assert.match(
    line,
    new RegExp(
      `^weir: port ${port} is in use by (another process|\\S+ \\(pid ${Deno.pid}\\)): stop it, or try PORT=\\d+$`,
    ),
  );
  assert.equal((await dev.status).code, 1);
});

Deno.test("dev gets its own nats-server when several start at once in different folders, and exits with 0 after each signal", async () => {
  const devs = await Promise.all([1, 2, 3].map(() => setup()));
  try {
    assert.equal(new Set(devs.map(({ nats }) => nats)).size, 3);
    const [one, two, three] = devs;
    await one.end("SIGHUP");
    await two.end("SIGQUIT");
    await three.end("SIGINT", "SIGINT"); // a Ctrl-C arrives twice, from the terminal and the task runner
  } finally {
    for (const dev of devs) await dev[Symbol.asyncDispose]();
  }
});

Deno.test("dev keeps stored data across restarts by SIGINT and SIGTERM, and --fresh deletes it", async () => {
  await using project = await copyProject();
  const sequences: number[] = [];
  for (const [signal, ...options] of [["SIGINT"], ["SIGTERM"], ["SIGTERM", "--fresh"]] as const) {
    await using weir = await setup(project.path, ...options);
    sequences.push(await weir.order("o1")); // confirmOrder emits the second event of this stream
    await weir.end(signal);
  }
  assert.deepEqual(sequences, [1, 3, 1]);
});

Deno.test("dev retries while NATS is unreachable, and starts once it is up, whose address it writes without the password", async () => {
  await using project = await copyProject();
  const { NATS, ...env } = freePorts("NATS", "PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  const NATS_URL = `nats://u:p@127.0.0.1:${NATS}`;
  await using dev = startWeir(project.path, ["dev", "--no-check"], { ...env, NATS_URL });
  await dev.waitForLine(/error cannot connect to NATS at /);
  await dev.waitForLine(/no functions are running: retrying every 2 s/);
  await using server = await startServer({ port: Number(NATS), config: "authorization { user: u, password: p }" });
  await dev.waitForLine(/^Weir is up in/);
  await dev.waitForLine(/started: live/);
  const response = await fetch(`http://127.0.0.1:${env.PORT}/health/ready`);
  assert.equal(response.status, 200);
  await response.body?.cancel();
  const stored = JSON.parse(await Deno.readTextFile(`${project.path}/.weir/dev.json`));
  assert.equal(stored.nats, server.url); // by which other commands find it
  dev.kill("SIGTERM"); // while NATS is up
  await dev.status;
});

Deno.test("dev prints its addresses once a first version that failed is mended, and names a function that is added", async () => {
  await using project = await copyProject();
  const broken = `${project.path}/functions/broken.ts`;
  await Deno.writeTextFile(broken, "export default 1;");
  const env = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  await using dev = startWeir(project.path, ["dev", "--no-check"], env);
  await dev.waitForLine(/no functions are running: waiting for a change/);
  await Deno.remove(broken);
  await dev.waitForLine(/^Weir is up in/);
  await dev.waitForLine(new RegExp(`^ {2}ingress +http://127\\.0\\.0\\.1:${env.PORT}/events/TYPE`));
  await Deno.writeTextFile(
    `${project.path}/functions/listen.ts`,
    `import { defineFunction, every } from "weir";
    export default defineFunction({ on: ["legacy.told", every("1h")] }, () => {});`,
  );
  await dev.waitForLine(/^dev new function listen: legacy\.told, every 1h$/);
  assert.equal(dev.lines.filter((line) => line.startsWith("Weir is up in")).length, 1);
  dev.kill("SIGTERM");
  await dev.status;
});

/** Returns the child processes with a matching command line. */
async function childrenOf(pid: number, commandLine: RegExp): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=,args=", "--ppid", String(pid)] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => commandLine.test(line));
  return lines.map((line) => Number(/\d+/.exec(line)![0]));
}
