import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import fc from "fast-check";
import { parserOf } from "../../runtime/api/define_event.ts";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";
import { startBroker } from "../support/nats.ts";
import { freePorts } from "../support/ports.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";
import { FuzzClient, type FuzzResponse } from "./client.ts";
import { anyRequest } from "./requests.ts";
import * as schemas from "./schemas.ts";

/** Requests: some in the suite, and 200,000 in a long run. */
const REQUESTS = Number(Deno.env.get("WEIR_FUZZ_REQUESTS") ?? 2_000);
const SEED = Number(Deno.env.get("WEIR_FUZZ_SEED") ?? Date.now() % 1_000_000);
/** Requests that are pending at once. */
const AT_ONCE = 16;
/** Bytes that the process may grow by after its first quarter. */
const GROWTH_BYTES = 150 * 1_024 * 1_024;
const CONTROL = /[\p{Cc}\p{Cs}]/u;

/** Checks what holds for every response. */
function checkResponse({ status, contentType, body }: FuzzResponse): void {
  assert.ok(status < 500 || status === 503, `${status}: ${body}`);
  if (status < 400 || body === "") return; // Deno itself answers a head that it cannot read with an empty 400
  assert.ok(body.length < 2_000_000);
  if (contentType === "application/json") return; // health
  assert.equal(contentType, "application/problem+json");
  const problem = JSON.parse(body);
  assert.equal(problem.status, status);
  assert.match(problem.type, /^\/problems\/[a-z-]+$/);
}

/** Returns how many events of a response are stored and no duplicates. */
function storedBy({ status, contentType, body }: FuzzResponse): number {
  if (body === "" || status === 401 || !/json$/.test(contentType ?? "")) return 0;
  const answer = JSON.parse(body), results = Array.isArray(answer) ? answer : answer.results ?? [answer];
  return results.filter(({ duplicate }: { duplicate?: boolean }) => duplicate === false).length;
}

Deno.test(`POST answers ${REQUESTS} fuzzed requests of seed ${SEED} and stores only what schemas allow`, async () => {
  await using broker = await startBroker();
  await using project = await copyProjectWith({
    "schemas/fuzz.ts": await Deno.readTextFile(new URL("./schemas.ts", import.meta.url)),
  });
  const { PORT, ADMIN_PORT } = freePorts("PORT", "ADMIN_PORT");
  const env = { PORT, ADMIN_PORT, HOST: "127.0.0.1", NATS_URL: broker.server.url, LOG_LEVEL: "info" };
  const keys = { WEIR_API_KEYS: "shop:secret-of-shop,mail:secret-of-mail", CORS_ORIGINS: "https://shop.example" };
  await using runtime = startWeir(project.path, ["start"], { ...env, ...keys });
  await runtime.waitForLog(({ message }) => message === "ready");
  const metrics = async () => await (await fetch(`http://127.0.0.1:${ADMIN_PORT}/metrics`)).text();
  const rss = async () => valueOf(await metrics(), "process_memory_usage_bytes")!;

  const client = new FuzzClient({ hostname: "127.0.0.1", port: Number(PORT) });
  const statuses = new Map<number, number>(), rounds = Math.ceil(REQUESTS / AT_ONCE), sizes: number[] = [];
  let stored = 0, round = 0;
  const requests = fc.array(anyRequest, { minLength: AT_ONCE, maxLength: AT_ONCE });
  const property = fc.asyncProperty(requests, async (requests) => {
    if (round++ % Math.ceil(rounds / 8) === 0) sizes.push(await rss());
    const responses = await Promise.all(requests.map((request) => client.send(request)));
    for (const [at, response] of responses.entries()) {
      const status = response?.status ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (!response) continue;
      try {
        checkResponse(response);
        stored += storedBy(response);
      } catch (error) {
        const sent = new TextDecoder().decode(requests[at].bytes).slice(0, 2_000);
        throw new Error(`${(error as Error).message}\nto the request ${JSON.stringify(sent)}`, { cause: error });
      }
    }
  });
  const { failed, errorInstance } = await fc.check(property, { numRuns: rounds, seed: SEED, endOnFailure: true });
  client.close();
  if (failed) throw errorInstance; // without the counterexample of `fc.assert`, which is all bytes of a round

  await eventually(async () => valueOf(await metrics(), "weir_ingress_in_flight") === 0);
  const health = await (await fetch(`http://127.0.0.1:${PORT}/health`)).json();
  assert.equal(health.status, "OK");
  sizes.push(await rss());
  const [, , early] = sizes, last = sizes.at(-1)!;
  assert.ok(last < early + GROWTH_BYTES, `resident bytes over time: ${sizes}`);
  assert.deepEqual(runtime.lines.filter((line) => !/^\{.*"level":"info"/.test(line)), [], "it logs no fault");
  const messages = await checkStored(broker.nc);
  assert.ok(messages >= stored, `${messages} messages are stored, and ${stored} were answered with 202`);
  console.log({
    requests: round * AT_ONCE,
    seed: SEED,
    statuses: Object.fromEntries(statuses),
    messages,
    stored,
    sizes,
  });
});

/** Checks every stored message against the schema of its type, and returns how many there are. */
async function checkStored(nc: Parameters<typeof jetstream>[0]): Promise<number> {
  const events = new Map(Object.values(schemas).map((event) => [event.type as string, event]));
  const consumer = await jetstream(nc).consumers.get("ORDERS");
  const { num_pending: pending } = await consumer.info();
  if (pending === 0) return 0;
  let seen = 0;
  for await (const message of await consumer.consume()) {
    const event = events.get(message.subject), headers = message.headers!;
    assert.ok(event?.ingress, `${message.subject} has no ingress`);
    const data = message.data.length === 0 ? undefined : message.json();
    assert.ok(parserOf(event)(data).ok, `${message.subject}: ${message.string()}`);
    for (const name of headers.keys()) {
      assert.match(name, /^(ce-[a-z0-9]+|content-type|traceparent|tracestate|nats-msg-id|nats-expected-stream)$/i);
      assert.doesNotMatch(decodeURIComponent(headers.get(name)), CONTROL);
    }
    assert.ok(!Number.isNaN(Date.parse(headers.get("ce-time"))));
    if (++seen === pending) break;
  }
  return seen;
}
