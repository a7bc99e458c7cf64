import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { freePorts, listens } from "../support/ports.ts";
import { commandLinesWith } from "../support/processes.ts";
import { copyProject } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

/** Upper bound for a stop in milliseconds, on a busy machine: below SHUTDOWN_GRACE. */
const STOP_MS = 20_000;

/** Starts `dev` in a copy of the project, in a process group of its own as a terminal does. */
async function setup(...options: string[]) {
  const project = await copyProject();
  const env = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  const variables = { ...env, PAYMENT_URL: `http://127.0.0.1:${env.PAYMENT_PORT}` };
  const dev = startWeir(project.path, ["dev", ...options], variables, true);
  return {
    dev,
    write: (file: string, code: string) => Deno.writeTextFile(`${project.path}/${file}`, code),
    /** Saves a file with a change that has no effect. */
    save: (file: string) => Deno.writeTextFile(`${project.path}/${file}`, "// saved\n", { append: true }),
    /** Waits until the mock service listens, which `dev` starts early. */
    mockServiceListens: () => eventually(() => listens(env.PAYMENT_PORT)),
    post: async () => {
      const body = JSON.stringify({ orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`http://127.0.0.1:${env.PORT}/orders`, { method: "POST", headers, body });
      await response.body?.cancel();
    },
    /** Presses Ctrl-C and returns the lines after it, once `dev` has exited with 0 and its processes are gone. */
    interrupt: async () => {
      const from = dev.lines.length;
      dev.interrupt();
      assert.equal((await dev.status).code, 0, dev.lines.join("\n"));
      await waitUntilGone(project.path);
      await assert.rejects(Deno.stat(`${project.path}/.weir/dev.json`), Deno.errors.NotFound);
      return dev.lines.slice(from);
    },
    [Symbol.asyncDispose]: async () => {
      await dev[Symbol.asyncDispose]();
      await waitUntilGone(project.path);
      await project[Symbol.asyncDispose]();
    },
  };
}

/** Waits until no process has the folder in its command line, as all processes that `dev` starts have. */
async function waitUntilGone(folder: string): Promise<void> {
  await eventually(async () => (await commandLinesWith(folder)).length === 0);
}

/** Line printed during the start when port 4222 is in use: the test may read it only after the Ctrl-C. */
const PRINTED_BEFORE = /nats-server uses another port$/;
/** Last line of the start. The type check begins then. */
const IS_UP = /Ctrl-C stops everything/;
const moments: [
  moment: string,
  wait: (weir: Awaited<ReturnType<typeof setup>>) => Promise<unknown>,
  ...options: string[],
][] = [
  ["during the start", ({ mockServiceListens }) => mockServiceListens()],
  ["during the first type check", ({ dev }) => dev.waitForLine(IS_UP)],
  ["when idle", ({ dev }) => dev.waitForLine(/type check: no errors/)],
  ["while a save loads", async ({ dev, save }) => {
    await dev.waitForLine(IS_UP);
    await save("functions/_inventory.ts");
  }, "--no-check"],
  ["during the type check of a save", async ({ dev, save }) => {
    await dev.waitForLine(IS_UP);
    await save("functions/_inventory.ts");
    await dev.waitForLine(/_inventory\.ts: live/);
  }],
  ["while a module loops", async ({ dev, write }) => {
    await dev.waitForLine(IS_UP);
    await write("functions/endless.ts", 'console.log("spins");\nexport const spins = true;\nwhile (spins);\n');
    await dev.waitForLine(/^spins/);
  }, "--no-check"],
];

for (const [moment, wait, ...options] of moments) {
  Deno.test(`dev exits silently on Ctrl-C ${moment}, and leaves no process`, async () => {
    await using weir = await setup(...options);
    await wait(weir);
    const fromMs = performance.now();
    const lines = (await weir.interrupt()).filter((line) => !PRINTED_BEFORE.test(line));
    assert.deepEqual(lines, []);
    assert.ok(performance.now() - fromMs < STOP_MS);
  });
}

/** Adds a function whose handler takes `ms`, and waits until it runs. */
async function addSlow({ dev, write, post }: Awaited<ReturnType<typeof setup>>, ms: number): Promise<Program> {
  await dev.waitForLine(IS_UP);
  await write(
    "functions/slow.ts",
    `import { defineFunction } from "weir";
     export default defineFunction({ on: "orders.created" }, async (_, { log }) => {
       log.info("slow begins");
       await new Promise((resolve) => setTimeout(resolve, ${ms}));
       log.info("slow ends");
     });`,
  );
  await dev.waitForLine(/slow\.ts: live/);
  await post();
  await dev.waitForLog(({ message }) => message === "slow begins");
  return dev;
}

Deno.test("dev lets a handler finish on Ctrl-C, and says that it waits", async () => {
  await using weir = await setup("--no-check");
  await addSlow(weir, 4_000);
  const lines = await weir.interrupt(), own = lines.filter((line) => !line.startsWith("{"));
  assert.equal(own.length, 1, own.join("\n"));
  assert.match(own[0], /waiting up to 25 s \(SHUTDOWN_GRACE\) for running handlers/);
  const logged = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  assert.ok(logged.some(({ message }) => message === "slow ends"));
  assert.deepEqual(logged.filter(({ level }) => level === "warn" || level === "error"), []);
});
