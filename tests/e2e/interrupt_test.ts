import assert from "node:assert/strict";
import { freePorts } from "../support/ports.ts";
import { copyProject } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

const WAIT_MS = 10_000;

/** `dev` in a copy of the project, in a process group of its own: what a terminal's Ctrl-C interrupts. */
async function setup() {
  const project = await copyProject();
  const env = freePorts("PORT", "ADMIN_PORT", "PAYMENT_PORT", "PAYMENT_CONTROL_PORT");
  const dev = startWeir(project.path, ["dev"], { ...env, PAYMENT_URL: `http://127.0.0.1:${env.PAYMENT_PORT}` }, true);
  return {
    dev,
    write: (file: string, code: string) => Deno.writeTextFile(`${project.path}/${file}`, code),
    post: async () => {
      const body = JSON.stringify({ orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 1_200 });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`http://127.0.0.1:${env.PORT}/orders`, { method: "POST", headers, body });
      await response.body?.cancel();
    },
    /** The lines after a Ctrl-C, once it has ended with 0 and nothing that it started is left. */
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

/** Waits until no process has this folder in its command line: all that `dev` starts has. */
async function waitUntilGone(folder: string): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (true) {
    const left = await commandLines(folder);
    if (left.length === 0) return;
    assert.ok(Date.now() < deadline, `left: ${left.join("\n")}`);
  }
}

async function commandLines(folder: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "args="] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(folder));
}

/** Where port 4222 is taken it is written while `dev` starts, and may be read only after the Ctrl-C. */
const ON_ITS_WAY = /NATS gets another$/;
const saved = "// saved\n";
const moments: [moment: string, wait: (weir: Awaited<ReturnType<typeof setup>>) => Promise<unknown>][] = [
  ["while it starts", ({ dev }) => dev.waitForLine(/^payment service on/)],
  ["when it is just up, and types are checked", ({ dev }) => dev.waitForLine(/Ctrl-C stops everything/)],
  ["when it is idle", ({ dev }) => dev.waitForLine(/types are checked/)],
  ["while a save is loaded", async ({ dev, write }) => {
    await dev.waitForLine(/types are checked/);
    await write("functions/_inventory.ts", saved + await Deno.readTextFile("functions/_inventory.ts"));
  }],
  ["while the types of a save are checked", async ({ dev, write }) => {
    await dev.waitForLine(/types are checked/);
    await write("functions/_inventory.ts", saved + await Deno.readTextFile("functions/_inventory.ts"));
    await dev.waitForLine(/_inventory\.ts: live/);
  }],
  ["while a module computes for ever", async ({ dev, write }) => {
    await dev.waitForLine(/types are checked/);
    await write("functions/endless.ts", 'console.log("spins");\nexport const spins = true;\nwhile (spins);\n');
    await dev.waitForLine(/^spins/);
  }],
];

for (const [moment, wait] of moments) {
  Deno.test(`dev ends without a word on Ctrl-C ${moment}, and leaves nothing running`, async () => {
    await using weir = await setup();
    await wait(weir);
    const fromMs = performance.now();
    const lines = (await weir.interrupt()).filter((line) => !ON_ITS_WAY.test(line));
    assert.deepEqual(lines, []);
    assert.ok(performance.now() - fromMs < WAIT_MS);
  });
}

/** Adds a function that waits for so long. */
async function addSlow({ dev, write, post }: Awaited<ReturnType<typeof setup>>, ms: number): Promise<Program> {
  await dev.waitForLine(/types are checked/);
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

Deno.test("dev lets a handler finish on Ctrl-C, and says that it waits for one", async () => {
  await using weir = await setup();
  await addSlow(weir, 4_000);
  const lines = await weir.interrupt(), own = lines.filter((line) => !line.startsWith("{"));
  assert.equal(own.length, 1, own.join("\n"));
  assert.match(own[0], /handlers still run: they may take up to 25 s/);
  const logged = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  assert.ok(logged.some(({ message }) => message === "slow ends"));
  assert.deepEqual(logged.filter(({ level }) => level === "warn" || level === "error"), []);
});
