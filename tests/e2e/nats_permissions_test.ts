import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { refusesAll } from "../support/forbidden.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const FILES = {
  "schemas/parcels.ts": `
import { defineEvent } from "weir";
import { z } from "zod";
const data = z.object({ n: z.int() });
export const Packed = defineEvent({ type: "parcels.packed", version: 1, data, ingress: { route: "/parcels" } });
export const Sent = defineEvent({ type: "transport.sent", version: 1, data });
export const Billed = defineEvent({ type: "bills.billed", version: 1, data });
`,
  "functions/send.ts": `
import { defineFunction, RetryAfterError } from "weir";
import { Packed, Sent } from "../schemas/parcels.ts";
export default defineFunction({ on: Packed, emits: [Sent], idempotency: true }, ({ data }, ctx) => {
  if (ctx.attempt === 1) throw new RetryAfterError("5.5s"); // long enough to wait in RETRIES
  ctx.emit(Sent, data);
});
`,
  "functions/bill.ts": `
import { defineFunction, NonRetryableError } from "weir";
import { Billed, Sent } from "../schemas/parcels.ts";
export default defineFunction({ on: Sent, emits: [Billed] }, ({ data }, ctx) => {
  if (data.n === 2) throw new NonRetryableError("no bill for 2");
  ctx.emit(Billed, data);
});
`,
};
const FUNCTIONS = ["bill", "send"];

Deno.test("nats-permissions prints users that do their work on a real server, and nothing else", async (t) => {
  await using project = await copyProjectWith(FILES);
  const printed = await commandRunner(project.path, "nats://127.0.0.1:1")("nats-permissions", "--each");
  assert.equal(printed.code, 0, printed.text);
  const violations: string[] = [];
  await using server = await startServer({
    config: printed.text.replaceAll(/\$[A-Z]+_PASSWORD/g, "secret"),
    log: (line) => void (/violation/i.test(line) && violations.push(line)),
  });
  const envOf = (user: string) => ({ NATS_URL: server.url, NATS_USER: user, NATS_PASSWORD: "secret" });
  const as = (user: string) => commandRunner(project.path, server.url, envOf(user));

  await t.step("apply creates everything, twice, and plan then finds nothing to do", async () => {
    for (const args of [["apply"], ["apply"], ["plan"]]) {
      const { code, text } = await as("apply")(...args);
      assert.equal(code, 0, text);
    }
    assert.deepEqual(violations, []);
  });

  await t.step("an ingress and a process for each function handle events to their end", async () => {
    await using processes = new AsyncDisposableStack();
    const start = async (user: string, more: Record<string, string>) => {
      const ports = freePorts("PORT", "ADMIN_PORT"), env = { ...ports, HOST: "127.0.0.1", ...envOf(user), ...more };
      const weir = processes.use(startWeir(project.path, ["start", "--no-apply"], env));
      await weir.waitForLog(({ message }) => message === "ready");
      return { weir, url: `http://127.0.0.1:${ports.PORT}` };
    };
    const { url } = await start("ingress", { WEIR_ROLES: "ingress" });
    const running = await Promise.all(
      FUNCTIONS.map((name) => start(name, { WEIR_ROLES: "functions", WEIR_FUNCTIONS: name })),
    );
    const headers = { "content-type": "application/json" };
    for (const n of [1, 2]) {
      const response = await fetch(`${url}/parcels`, { method: "POST", headers, body: JSON.stringify({ n }) });
      assert.equal(response.status, 202, await response.text());
    }
    const all = running.map(({ weir }) => weir);
    const settled = (name: string, outcome: string) =>
      all.some(({ lines }) => lines.some((line) => line.includes(`"function":"${name}"`) && line.includes(outcome)));
    await eventually(() => settled("send", '"retry"') && settled("bill", '"dead-letter"') && settled("bill", '"ack"'));
    for (const { weir } of running) weir.kill("SIGTERM");
    await Promise.all(running.map(({ weir }) => weir.status));
    assert.deepEqual(violations, []);
  });

  const forbidden: [user: string, subject: string][] = [
    ["ingress", "transport.sent"],
    ["ingress", "$JS.API.CONSUMER.MSG.NEXT.PARCELS.send"],
    ["ingress", "$JS.API.STREAM.DELETE.PARCELS"],
    ["ingress", "$JS.API.STREAM.PURGE.DEAD_LETTERS"],
    ["send", "parcels.packed"],
    ["send", "bills.billed"],
    ["send", "$JS.API.CONSUMER.MSG.NEXT.RETRIES.bill"],
    ["send", "$JS.ACK.TRANSPORT.bill.1.1.1.1.1"],
    ["send", "$JS.API.STREAM.UPDATE.PARCELS"],
    ["send", "$JS.API.CONSUMER.DELETE.PARCELS.send"],
    ["bill", "transport.sent"],
    ["apply", "parcels.packed"],
    ["apply", "$JS.API.CONSUMER.MSG.NEXT.PARCELS.send"],
    ["apply", "$JS.API.STREAM.DELETE.PARCELS"],
  ];
  await t.step("the server refuses each user what is not its work", async () => {
    const connection = (user: string) => ({ servers: [server.url], name: "test", user, password: "secret" });
    await refusesAll(connection, forbidden, violations);
  });
});
