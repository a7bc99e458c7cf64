import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const SCHEMAS = `
  import { defineEvent } from "weir";
  import { z } from "zod";
  export const Ping = defineEvent({ type: "ping.sent", version: 1, data: z.object({}).optional(), ingress: {} });
  const items = z.array(z.object({ sku: z.string(), quantity: z.int() }));
  export const Order = defineEvent({ type: "orders.made", version: 1, data: z.object({ items }), ingress: {} });
`;
const FUNCTION = `
  import { defineFunction } from "weir";
  import { Ping } from "../schemas/events.ts";
  export default defineFunction({ on: Ping }, (event, ctx) => ctx.log.info("handled", { data: typeof event.data }));
`;

Deno.test("start judges requests by their own target, and guards its admin listener", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "schemas/events.ts": SCHEMAS, "functions/answerPing.ts": FUNCTION });
  const ports = freePorts("PORT", "ADMIN_PORT");
  const keys = {
    WEIR_API_KEYS: "shop:secret-of-shop",
    WEIR_ADMIN_KEY: "secret-of-operators",
    CORS_ORIGINS: "https://a.example",
  };
  await using runtime = startWeir(project.path, ["start"], {
    ...{ ...ports, ...keys, HOST: "127.0.0.1", NATS_URL: server.url, LOG_LEVEL: "info" },
  });
  await runtime.waitForLog(({ message }) => message === "ready");
  const raw = async (port: string, lines: readonly string[], body = "") => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    const head = [...lines, "Connection: close", `Content-Length: ${body.length}`].join("\r\n");
    await connection.write(new TextEncoder().encode(`${head}\r\n\r\n${body}`));
    return Number((await new Response(connection.readable).text()).slice(9, 12));
  };
  const key = "Authorization: Bearer secret-of-shop", json = "Content-Type: application/json";
  const path = "/events/ping.sent";
  assert.equal(await raw(ports.PORT, [`POST ${path} HTTP/1.1`, "Host: [", key, json], "{}"), 400);
  assert.equal(await raw(ports.PORT, ["POST /health HTTP/1.1", `Host: x${path}?`, key, json], "{}"), 400);
  assert.equal(await raw(ports.ADMIN_PORT, ["GET /dead-letters HTTP/1.1", "Host: ["]), 400);

  const redrive = "POST /dead-letters/redrive?force=true HTTP/1.1",
    operator = "Authorization: Bearer secret-of-operators";
  const admin = (...headers: string[]) => raw(ports.ADMIN_PORT, [redrive, "Host: evil.example", ...headers]);
  assert.equal(await admin("Origin: http://evil.example", "Content-Type: text/plain"), 403);
  assert.equal(await raw(ports.ADMIN_PORT, [redrive, "Host: 127.0.0.1"]), 401);
  assert.equal(await admin(operator), 200);
  assert.equal(await raw(ports.ADMIN_PORT, ["GET /health/live HTTP/1.1", "Host: 127.0.0.1"]), 200);

  const url = `http://127.0.0.1:${ports.PORT}`, origin = "https://a.example";
  const refused = await (await fetch(`${url}/events/ping.sent`, { method: "POST" })).json();
  assert.equal(refused.type, "/problems/unauthorized");
  assert.match(await (await fetch(new URL(refused.type, url))).text(), /<h1>Unauthorized<\/h1>/);
  const asks = { origin, "access-control-request-method": "POST" };
  const preflight = await fetch(`${url}${path}`, { method: "OPTIONS", headers: asks });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, origin]);

  const event = ["Host: weir", key, "ce-specversion: 1.0", "ce-id: 1", "ce-source: /shop", "ce-type: ping.sent"];
  assert.equal(await raw(ports.PORT, ["POST /events HTTP/1.1", ...event]), 202);
  const { data } = await runtime.waitForLog(({ message }) => message === "handled");
  assert.equal(data, "undefined");
  assert.deepEqual(runtime.lines.filter((line) => !line.includes('"level":"info"')), []);
});

Deno.test("start answers a megabyte of faults within the size of a page, and stays ready", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "schemas/events.ts": SCHEMAS, "functions/answerPing.ts": FUNCTION });
  const ports = freePorts("PORT", "ADMIN_PORT"), url = `http://127.0.0.1:${ports.PORT}`;
  await using runtime = startWeir(project.path, ["start"], { ...ports, HOST: "127.0.0.1", NATS_URL: server.url });
  await runtime.waitForLog(({ message }) => message === "ready");
  const body = `{"items":[${Array(340_000).fill("{}").join(",")}]}`, headers = { "content-type": "application/json" };
  const answers = await Promise.all(Array.from({ length: 4 }, async () => {
    const response = await fetch(`${url}/events/orders.made`, { method: "POST", body, headers });
    return { status: response.status, text: await response.text() };
  }));
  for (const { status, text } of answers) assert.deepEqual([status, text.length < 10_000], [400, true]);
  const { detail, errors } = JSON.parse(answers[0].text);
  assert.equal(errors.length, 50);
  assert.match(detail, /50 errors are listed, and there are at least 950 more$/);
  assert.equal((await fetch(`${url}/health/live`).then((response) => response.json())).status, "OK");
});

Deno.test("start refuses heads without end, and answers others meanwhile", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "schemas/events.ts": SCHEMAS, "functions/answerPing.ts": FUNCTION });
  const ports = freePorts("PORT", "ADMIN_PORT");
  await using runtime = startWeir(project.path, ["start"], { ...ports, HOST: "127.0.0.1", NATS_URL: server.url });
  await runtime.waitForLog(({ message }) => message === "ready");
  const hostname = "127.0.0.1", port = Number(ports.PORT), HEAD = "GET /health/live HTTP/1.1\r\nHost: weir\r\n";
  const statusOf = async (text: string) => {
    using connection = await Deno.connect({ hostname, port });
    const writing = connection.write(new TextEncoder().encode(text)).catch(() => 0); // the rest may be refused
    const bytes = new Uint8Array(100), length = await connection.read(bytes).catch(() => null);
    await writing;
    return length === null ? 0 : Number(new TextDecoder().decode(bytes.subarray(9, 12)));
  };
  using slow = await Deno.connect({ hostname, port });
  await slow.write(new TextEncoder().encode(HEAD)); // and no more
  const refused = [
    `${HEAD}x: ${"x".repeat(1_000_000)}\r\n\r\n`,
    `${HEAD}${Array.from({ length: 1_000 }, (_, i) => `x-${i}: 1\r\n`).join("")}\r\n`,
    `GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: weir\r\n\r\n`,
  ];
  for (const head of refused) assert.ok([0, 400, 414, 431].includes(await statusOf(head)));
  assert.equal(await statusOf(`${HEAD}\r\n`), 200);
  assert.deepEqual(runtime.lines.filter((line) => !line.includes('"level":"info"')), []);
});
