import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { startReadyWeir } from "../support/weir_process.ts";

const SCHEMA = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), key: z.string() }) });
`;
const FUNCTION = `
import { existsSync } from "node:fs";
import { defineFunction } from "weir";
import { Asked } from "../schemas/demo.ts";
export default defineFunction({
  on: Asked,
  order: { by: ({ data }) => data.key, onFailure: "park" },
  retry: { attempts: 2, initial: "10ms" },
}, ({ data }, { log }) => {
  if (data.n === 0 && existsSync("down")) throw new Error("down");
  log.info("updated", data);
});
`;

Deno.test("[G27] dead-letters redrive brings back a parked key in order after its process was killed", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({
    "schemas/demo.ts": SCHEMA,
    "functions/parks.ts": FUNCTION,
    "down": "",
  });
  await using killed = await startReadyWeir(project.path, server.url);
  const weir = commandRunner(project.path, server.url);
  const nc = await connectNats({ servers: [server.url], name: "test" }), jsm = await jetstreamManager(nc);
  const publish = (n: number, key: string) => jsm.jetstream().publish("demo.asked", JSON.stringify({ n, key }));
  const letters = async () => (await jsm.streams.info("DEAD_LETTERS")).state.messages;
  for (const n of [0, 1, 2]) await publish(n, "bad");
  await eventually(async () => await letters() === 3);
  await using other = await startReadyWeir(project.path, server.url);
  killed.kill("SIGKILL");
  await killed.status;
  await publish(3, "bad");
  await publish(4, "good");
  await other.waitForLog(({ message, n }) => message === "updated" && n === 4);
  await eventually(async () => await letters() === 4);
  const listed = await weir("dead-letters", "list", "--reason", "parked", "--json");
  assert.deepEqual([listed.code, JSON.parse(listed.text).length], [0, 3]);
  await Deno.remove(`${project.path}/down`);
  const refused = await weir("dead-letters", "redrive", "2");
  assert.equal(refused.code, 1);
  assert.match(refused.text, /1 parked[^]*parked: it waits for an earlier event of its key/);
  const redriven = await weir("dead-letters", "redrive", "--function", "parks");
  assert.equal(redriven.code, 0, redriven.text);
  assert.match(redriven.text, /^1 redriven/m);
  await other.waitForLog(({ message, n }) => message === "updated" && n === 3);
  await publish(5, "bad");
  await other.waitForLog(({ message, n }) => message === "updated" && n === 5);
  const updated = other.lines.filter((line) => line.includes('"updated"')).map((line) => JSON.parse(line).n);
  assert.deepEqual(updated, [4, 0, 1, 2, 3, 5]);
  assert.equal(await letters(), 0);
  await nc.close();
});
