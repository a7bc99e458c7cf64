import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { startReadyWeir } from "../support/weir_process.ts";
import { type Data, inOrder } from "./ordered_replicas.ts";

const KEYS = Array.from({ length: 20 }, (_, i) => `key ${i}`);
/** Events before the first that waits while the gate is closed, and all of the first part. */
const FREE = 100, FIRST = 400;
const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), key: z.string() }) });
`;
/** The function of a release. Its starts are lines of a file. */
const functionOf = (partitions: number, folder: string) => `
import { existsSync } from "node:fs";
import { defineFunction } from "weir";
import { Asked } from "../schemas/demo.ts";
export default defineFunction({
  on: Asked,
  order: { by: ({ data }) => data.key, partitions: ${partitions} },
  timeout: "10m",
}, async ({ data }, { signal }) => {
  while (data.n >= ${FREE} && existsSync("${folder}/gate")) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  Deno.writeTextFileSync("${folder}/starts", JSON.stringify(data) + "\\n", { append: true });
});
`;

Deno.test("start with fewer partitions than a release that has ended says which events wait, and goes on once a process of that one has handled them", async () => {
  await using server = await startServer();
  await using shared = await copyProjectWith({ "gate": "", "starts": "" });
  const releaseOf = (partitions: number) =>
    copyProjectWith({ "schemas/demo.ts": SCHEMA, "functions/ordered.ts": functionOf(partitions, shared.path) });
  await using two = await releaseOf(2);
  await using four = await releaseOf(4);
  const nc = await connectNats({ servers: [server.url], name: "test" }), jsm = await jetstreamManager(nc);
  const starts = async (): Promise<Data[]> => {
    const text = await Deno.readTextFile(`${shared.path}/starts`);
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  };
  let published = 0;
  const publish = async (to: number) => {
    for (; published < to; published++) {
      await jsm.jetstream().publish("demo.asked", JSON.stringify({ n: published, key: KEYS[published % KEYS.length] }));
    }
  };
  const handled = (count: number) => eventually(async () => new Set((await starts()).map(({ n }) => n)).size === count);

  // The first stands still until its pulls have expired, so that the second one takes it for gone.
  await using fewer = await startReadyWeir(two.path, server.url);
  fewer.kill("SIGSTOP");
  await eventually(async () => {
    const all = await Promise.all(["DEMO", "RETRIES"].map((stream) => jsm.consumers.info(stream, "ordered")));
    const parts = await Array.fromAsync(jsm.consumers.list("ORDER_PARTITIONS"));
    return [...all, ...parts].every(({ num_waiting }) => num_waiting === 0);
  });
  await using more = await startReadyWeir(four.path, server.url, { SHUTDOWN_GRACE: "1s" });
  await publish(FIRST);
  await handled(FREE);
  fewer.kill("SIGCONT");
  const problem = await fewer.waitForLog((line) => /events wait in partitions/.test(JSON.stringify(line)));
  assert.match(JSON.stringify(problem), /only a process with `partitions: 4` receives them, and this release has 2/);
  more.kill("SIGTERM");
  await more.status;

  const weir = commandRunner(two.path, server.url, { HOST: "127.0.0.1" });
  const examined = await weir("doctor");
  assert.match(examined.text, /events? waits? in partition [23] of ordered, which has partitions: 2/);
  const refused = await weir("start");
  assert.equal(refused.code, 1);
  assert.match(refused.text, /events wait in partitions 2 and 3 of ordered: only a process with `partitions: 4`/);

  await using again = await startReadyWeir(four.path, server.url);
  await Deno.remove(`${shared.path}/gate`);
  await handled(FIRST);
  again.kill("SIGTERM");
  await again.status;
  await publish(FIRST + KEYS.length);
  await handled(FIRST + KEYS.length);
  const all = await starts();
  for (const key of KEYS) {
    const numbers = inOrder(all, key);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), key);
  }
  await nc.close();
});
