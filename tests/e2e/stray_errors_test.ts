import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

/** Ways in which an error leaves the handler `strays`, and the error that the log must show. */
const WAYS: readonly (readonly [way: string, code: string, error: string])[] = [
  ["a timer", "setTimeout(() => { throw new Error('stray') }, 5)", "stray"],
  ["an emitter in a timer", "setTimeout(() => new EventEmitter().emit('error', new Error('stray')), 5)", "stray"],
  ["an interval", "{ const i = setInterval(() => { clearInterval(i); throw new Error('stray') }, 5) }", "stray"],
  ["an immediate", "setImmediate(() => { throw new Error('stray') })", "stray"],
  ["a helper's timer", "later(() => new Error('stray'))", "stray"],
  ["a timer with a text", "later(() => 'stray')", "stray"],
  ["a timer with nothing", "later(() => undefined)", "undefined was thrown"],
  ["a timer with null", "later(() => null)", "null was thrown"],
  [
    "a timer with an odd object",
    "later(() => ({ get stack() { throw new Error('no') }, note: 'stray' }))",
    "stray|cannot be read|object",
  ],
  ["a microtask", "queueMicrotask(() => { throw new Error('stray') })", "stray"],
  ["a tick", "process.nextTick(() => { throw new Error('stray') })", "stray"],
  ["a rejection", "void Promise.reject(new Error('stray'))", "stray"],
  ["a late rejection", "void (async () => { await null; throw new Error('stray') })()", "stray"],
  ["a rejection with nothing", "void Promise.reject()", "undefined was thrown"],
  [
    "an event listener",
    "{ const t = new EventTarget(); t.addEventListener('x', () => { throw new Error('stray') }); t.dispatchEvent(new Event('x')) }",
    "stray",
  ],
  [
    "a TLS alert to a socket of its own",
    "queueMicrotask(() => { throw Object.assign(new Error('stray'), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }) })",
    "stray",
  ],
  ["a file stream", "void createReadStream('/nowhere')", "ENOENT"],
  [
    "a worker",
    "void new Worker('data:application/javascript,setTimeout(()=>{throw new Error(%22stray%22)})', { type: 'module' })",
    "stray",
  ],
];

const FILES = {
  "schemas/demo.ts": `
    import { defineEvent } from "weir";
    import { z } from "zod";
    export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ way: z.int() }), ingress: {} });
    export const Slow = defineEvent({ type: "demo.slow", version: 1, data: z.object({}), ingress: {} });
  `,
  "schemas/later.ts": `
    export function later(thrown: () => unknown): void {
      setTimeout(() => { throw thrown() }, 5);
    }
  `,
  "functions/strays.ts": `
    import { EventEmitter } from "node:events";
    import { createReadStream } from "node:fs";
    import process from "node:process";
    import { defineFunction } from "weir";
    import { Asked } from "../schemas/demo.ts";
    import { later } from "../schemas/later.ts";
    const WAYS = [${WAYS.map(([, code]) => `() => { ${code} }`).join(",\n")}];
    export default defineFunction({ on: Asked }, ({ data }) => WAYS[data.way]());
  `,
  "functions/innocent.ts": `
    import { defineFunction } from "weir";
    import { Slow } from "../schemas/demo.ts";
    const { promise, resolve } = Promise.withResolvers<void>();
    addEventListener("message", () => resolve());
    export default defineFunction({ on: Slow }, async (_event, ctx) => {
      ctx.log.info("begun", { number: ctx.attempt });
      while (!(await fetch("http://127.0.0.1:" + Deno.env.get("GATE"))).ok) await new Promise((go) => setTimeout(go, 20));
    });
  `,
};

async function publish({ url }: { url: string }, type: string, data: unknown) {
  const response = await fetch(`${url}/events/${type}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(data),
  });
  assert.equal(response.status, 202, await response.text());
}

/** Deno itself prints the error of a worker, in a form of its own. */
const logged = ({ lines }: Program) => lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));

async function ready(program: Program): Promise<{ url: string; admin: string }> {
  return await program.waitForLog(({ message }) => message === "ready") as unknown as { url: string; admin: string };
}

Deno.test("start logs an error outside any handler with its function and counts it, and every function goes on", async (t) => {
  await using server = await startServer();
  await using project = await copyProjectWith(FILES);
  let open = false;
  await using gate = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(null, { status: open ? 200 : 503 }),
  );
  const env = { PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1", NATS_URL: server.url, GATE: String(gate.addr.port) };
  await using program = startWeir(project.path, ["start"], env);
  const { url, admin } = await ready(program);
  await publish({ url }, "demo.slow", {});
  await program.waitForLog(({ message }) => message === "begun");
  const strays = () => logged(program).filter(({ message }) => /^an error outside|^unhandled rej/.test(message));
  for (const [at, [way, , error]] of WAYS.entries()) {
    await t.step(`as ${way}`, async () => {
      const before = strays().length;
      await publish({ url }, "demo.asked", { way: at });
      await eventually(() => strays().length > before);
      const line = strays().at(-1);
      assert.equal(line.function, "strays", JSON.stringify(line));
      assert.match(JSON.stringify(line.error), new RegExp(error));
    });
  }
  const page = await (await fetch(`${admin}/metrics`)).text();
  assert.equal(
    /^weir_uncaught_errors_total\{.*function="strays".*\} (\d+)/m.exec(page)?.[1],
    String(WAYS.length),
    page,
  );
  open = true;
  await program.waitForLog((line) => line.function === "innocent" && line.outcome === "ack");
  assert.equal(logged(program).filter(({ message }) => message === "begun").length, 1);
  program.kill("SIGTERM");
  assert.equal((await program.status).code, 0);
});

Deno.test("start with WEIR_UNCAUGHT=exit shuts down at an error outside any handler, and says why", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith(FILES);
  const env = { PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1", NATS_URL: server.url, WEIR_UNCAUGHT: "exit" };
  await using program = startWeir(project.path, ["start"], env);
  await publish(await ready(program), "demo.asked", { way: 1 });
  const { reason } = await program.waitForLog(({ message }) => message === "shutting down");
  assert.match(String(reason), /WEIR_UNCAUGHT is exit/);
  assert.equal((await program.status).code, 1);
});

const TOP_LEVEL: Readonly<Record<string, string>> = {
  "a rejection": "void Promise.reject(new Error('db is down'));",
  "a timer": "setTimeout(() => { throw new Error('db is down') }, 0);",
  "a promise that is awaited later":
    "const db = Promise.reject(new Error('db is down')); setTimeout(() => db.catch(() => {}), 500);",
};
for (const [what, code] of Object.entries(TOP_LEVEL)) {
  Deno.test(`start logs an error that a module throws outside any handler while it is loaded, and starts: ${what}`, async () => {
    await using server = await startServer();
    await using project = await copyProjectWith({
      ...FILES,
      "functions/loads.ts": `${code}\n${FILES["functions/strays.ts"]}`,
    });
    const env = { PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1", NATS_URL: server.url };
    await using program = startWeir(project.path, ["start"], env);
    const line = await program.waitForLog(({ message }) => /^an error outside|^unhandled rej/.test(message));
    assert.deepEqual([line.function, (line.error as Error).message], ["loads", "db is down"]);
    const { admin } = await ready(program);
    const page = await (await fetch(`${admin}/metrics`)).text();
    assert.match(page, /^weir_uncaught_errors_total\{.*function="loads".*\} 1$/m);
    program.kill("SIGTERM");
    assert.equal((await program.status).code, 0);
  });
}

Deno.test("start lists an error that a module throws outside any handler with the problems of a start that fails", async () => {
  await using project = await copyProjectWith({
    ...FILES,
    "functions/loads.ts": `${TOP_LEVEL["a rejection"]}\n${FILES["functions/strays.ts"]}`,
    "functions/throws.ts": "await new Promise((go) => setTimeout(go, 50)); throw new Error('no file')",
  });
  await using program = startWeir(project.path, ["start"], { PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1" });
  const { problems } = await program.waitForLog(({ message }) => message.startsWith("cannot start"));
  assert.match(JSON.stringify(problems), /functions\/throws\.ts:1:\d+: .*no file/);
  assert.match(JSON.stringify(problems), /functions\/loads\.ts:\d+:\d+: unhandled rejection .*: Error: db is down/);
  assert.equal((await program.status).code, 1);
});

Deno.test("start says in one line which module ends the process while it is loaded", async () => {
  await using project = await copyProjectWith({ ...FILES, "functions/exits.ts": "Deno.exit(3)" });
  await using program = startWeir(project.path, ["start"], { PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1" });
  await program.waitForLog(({ message }) =>
    /^functions\/exits\.ts:1:\d+: Deno\.exit .* ends the process/.test(message)
  );
  assert.equal((await program.status).code, 3);
});
