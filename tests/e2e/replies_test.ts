import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { type Program, startWeir } from "../support/weir_process.ts";

const FILES = {
  "schemas/quotes.ts": `
import { defineEvent } from "weir";
import { z } from "zod";
const data = z.object({ quote: z.string() });
export const Given = defineEvent({ type: "quotes.given", version: 1, data: data.extend({ price: z.number() }) });
export const Refused = defineEvent({ type: "quotes.refused", version: 1, data });
export const Asked = defineEvent({
  type: "quotes.asked",
  version: 1,
  data,
  ingress: { reply: { events: [Given, Refused], by: "quote" } },
});
`,
  "functions/giveQuote.ts": `
import { defineFunction } from "weir";
import { Asked, Given, Refused } from "../schemas/quotes.ts";
export default defineFunction({ on: Asked, emits: [Given, Refused] }, ({ data: { quote } }, ctx) => {
  if (quote.startsWith("silent")) return;
  if (quote.startsWith("no")) ctx.emit(Refused, { quote });
  else ctx.emit(Given, { quote, price: quote.length });
});
`,
};

Deno.test("POST with `Prefer: wait` gets the reply, whichever of three replicas handles the event", async () => {
  await using project = await copyProjectWith(FILES);
  await using server = await startServer();
  await using replicas = new AsyncDisposableStack();
  const urls: string[] = [], programs: Program[] = [];
  for (let i = 0; i < 3; i++) {
    const ports = freePorts("PORT", "ADMIN_PORT"), env = { ...ports, HOST: "127.0.0.1", NATS_URL: server.url };
    const replica = replicas.use(startWeir(project.path, ["start"], env));
    await replica.waitForLog(({ message }) => message === "ready");
    programs.push(replica);
    urls.push(`http://127.0.0.1:${ports.PORT}`);
  }
  const ask = async (quote: string, at: number, wait = 30) => {
    const headers = { "content-type": "application/json", prefer: `wait=${wait}` };
    const response = await fetch(`${urls[at % 3]}/events/quotes.asked`, {
      method: "POST",
      headers,
      body: JSON.stringify({ quote }),
    });
    return { status: response.status, body: await response.json() };
  };
  const answers = await Promise.all(Array.from({ length: 60 }, async (_, at) => {
    const quote = `${at % 2 ? "no" : "yes"}-${at}`, { status, body } = await ask(quote, at);
    return [status, body.type, body.reply?.type, body.reply?.data.quote === quote];
  }));
  const wanted = Array.from({ length: 60 }, (_, at) => [
    200,
    "quotes.asked",
    at % 2 ? "quotes.refused" : "quotes.given",
    true,
  ]);
  assert.deepEqual(answers, wanted);
  const { status, body } = await ask("silent", 0, 1);
  assert.deepEqual([status, body.reply], [202, undefined]);
  for (const { lines } of programs) assert.deepEqual(lines.filter((line) => !line.startsWith("{")), []);
});
