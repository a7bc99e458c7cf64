import assert from "node:assert/strict";
import { jetstream, type JetStreamClient } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { dataSchemaOf } from "../../runtime/core/schema_version.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { startBroker } from "../support/nats.ts";
import { copyProjectWith, removeName } from "../support/project.ts";

const STORED = 10_000, AT_ONCE = 500;
/** Every 271st event has no total, which the stricter schema refuses. */
const isEmpty = (n: number) => n % 271 === 0;
const EMPTY = Array.from({ length: STORED }, (_, n) => n).filter(isEmpty).length;

const Ordered = defineEvent({
  type: "shop.ordered",
  version: 1,
  data: z.object({ orderId: z.string(), total: z.int() }),
});
const Other = defineEvent({ type: "shop.opened", version: 1, data: z.object({}) });

/** The stricter schema, as the next release has it. */
const schemaFile = (more = "version: 1,") =>
  `import { defineEvent } from "weir";
import { z } from "zod";
export const Ordered = defineEvent({
  type: "shop.ordered",
  data: z.object({ orderId: z.string(), total: z.int().min(1) }),
  ${more}
});
export const Other = defineEvent({ type: "shop.opened", version: 1, data: z.object({}) });
`;

/** Stores orders as the earlier release publishes them. */
async function storeOrders(js: JetStreamClient): Promise<void> {
  for (let from = 0; from < STORED; from += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => {
      const n = from + at, hdrs = headers();
      hdrs.set("ce-specversion", "1.0");
      hdrs.set("ce-id", `o${n}`);
      hdrs.set("ce-type", "shop.ordered");
      hdrs.set("ce-source", "/shop");
      hdrs.set("ce-dataschema", dataSchemaOf("shop.ordered", 1));
      return js.publish("shop.ordered", JSON.stringify({ orderId: `o${n}`, total: isEmpty(n) ? 0 : n }), {
        headers: hdrs,
      });
    }));
  }
}

Deno.test("schemas verify counts exactly the stored events, retries and dead letters that a stricter schema would refuse", async () => {
  await using broker = await startBroker();
  {
    const later = defineFunction({ on: Ordered }, ({ data }) => {
      if (data.total > 0) return;
      if (data.orderId === "later") throw new RetryAfterError("1h"); // waits in RETRIES
      if (data.orderId === "never") throw new NonRetryableError("never"); // a dead letter
    });
    const env = { LOG_LEVEL: "error" };
    await using runtime = await startTestRuntime({
      functions: { later },
      schemas: [Other],
      server: broker.server,
      env,
    });
    await runtime.publish(Other, {});
    await runtime.publishAndSettle(Ordered, { orderId: "later", total: 0 }, { id: "later" });
    await runtime.publishAndSettle(Ordered, { orderId: "never", total: 0 }, { id: "never" });
    await jetstream(broker.nc).publish("shop.ordered", '{"orderId":"broken"}'); // a dead letter, invalid already
    await eventually(() => runtime.settled.length === 3);
  }
  await broker.jsm.consumers.delete("SHOP", "later"); // nothing handles what is stored next
  await storeOrders(jetstream(broker.nc));

  await using project = await copyProjectWith({ "schemas/shop.ts": schemaFile() });
  await removeName(project.path); // the test's runtime has none
  const run = commandRunner(project.path, broker.server.url);
  const { code, text } = await run("schemas", "verify", "--since", "24h");
  // In the stream there are besides the three of the runtime, which it refuses all.
  const inStream = EMPTY + 3, all = inStream + 2;
  assert.equal(code, 1, text);
  assert.match(text, new RegExp(`\nweir: ${all} of 10007 stored events would be refused$`));
  assert.match(text, new RegExp(`^shop\\.ordered +SHOP +10003 +${inStream}$`, "m"));
  assert.match(text, /^shop\.ordered +RETRIES +1 +1$/m);
  assert.match(text, /^shop\.ordered +DEAD_LETTERS +2 +1 +1$/m);
  assert.match(text, /^ {2}\d+ \(later\b.*, version 1\): does not match the schema of its type: total: /m);

  const json = await run("schemas", "verify", "--since", "24h", "--json", "--samples", "5", "--type", "shop.ordered");
  const { read, refused, events } = JSON.parse(json.text.replace(/\nweir: .*$/, ""));
  assert.deepEqual([read, refused], [10_006, all]);
  const { samples } = events.find(({ stream }: { stream: string }) => stream === "SHOP");
  assert.equal(samples.length, 5);
  assert.deepEqual(samples.at(-1), {
    sequence: samples.at(-1).sequence,
    id: `o${271}`,
    version: 1,
    error: "does not match the schema of its type: total: Too small: expected number to be >=1",
  });

  const upcasts = "version: 2, upcasts: { 1: (data) => ({ ...data, total: Math.max(1, data.total) }) },";
  await Deno.writeTextFile(`${project.path}/schemas/shop.ts`, schemaFile(upcasts));
  const upcast = await run("schemas", "verify", "--since", "24h");
  // A message without a version is not upcast.
  assert.match(upcast.text, /\nweir: 1 of 10007 stored events would be refused$/);

  await Deno.writeTextFile(`${project.path}/schemas/shop.ts`, schemaFile().replace(".min(1)", ".optional()"));
  assert.equal((await run("schemas", "verify", "--since", "24h")).code, 0);
  const none = await run("schemas", "verify", "--since", "24h", "--type", "nothing.>");
  assert.deepEqual(none, { code: 1, text: "weir: no event of the project has a type like nothing.>" });
});

Deno.test("schemas verify reads the streams of its namespace, and removes secrets of the environment from samples", async () => {
  await using broker = await startBroker();
  const env = { WEIR_NAMESPACE: "staging", LOG_LEVEL: "error" };
  {
    const fn = defineFunction({ on: Ordered }, ({ data }) => {
      if (data.total === 0) throw new RetryAfterError("1h");
    });
    await using runtime = await startTestRuntime({ functions: { fn }, server: broker.server, env });
    await runtime.publishAndSettle(Ordered, { orderId: "o1", total: 0 }, { id: "of hunter2secret" });
    await runtime.publishAndSettle(Ordered, { orderId: "o2", total: 1 });
  }
  await using project = await copyProjectWith({ "schemas/shop.ts": schemaFile() });
  await removeName(project.path);
  const run = commandRunner(project.path, broker.server.url, { ...env, SHOP_PASSWORD: "hunter2secret" });
  const { code, text } = await run("schemas", "verify");
  assert.equal(code, 1, text);
  assert.match(text, /^shop\.ordered +staging_SHOP +2 +1$/m);
  assert.match(text, /^shop\.ordered +staging_RETRIES +1 +1$/m);
  assert.match(text, /^ {2}1 \(of \[redacted\], version 1\): /m);
  assert.doesNotMatch(text, /hunter2/);
});
