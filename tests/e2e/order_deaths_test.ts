import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { freePorts } from "../support/ports.ts";
import { type Program, startReadyWeir, startWeir } from "../support/weir_process.ts";

const SCHEMAS = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
`;
/** The first event fails, or kills its process if the file `mode` says so. Each run is noted in the file `runs`. */
const FUNCTION = `
import { defineFunction } from "weir";
import { Asked } from "../schemas/demo.ts";
export default defineFunction({
  on: Asked,
  order: { by: () => "key", onFailure: "block" },
  retry: { attempts: 2, initial: "20ms", max: "100ms" },
  breaker: { consecutiveFailures: 1_000 },
}, ({ data }) => {
  const end = data.n > 0 ? "succeeds" : Deno.readTextFileSync("mode") === "dies" ? "dies" : "fails";
  Deno.writeTextFileSync("runs", data.n + " " + end + "\\n", { append: true });
  if (end === "dies") Deno.kill(Deno.pid, "SIGKILL");
  if (end === "fails") throw new Error("as planned");
});
`;

Deno.test("[G26] start runs an event that blocks its key again after one death, and ends it as `crashed` after as many in a row as it has attempts", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "schemas/demo.ts": SCHEMAS, "functions/work.ts": FUNCTION });
  const runs = async () => (await Deno.readTextFile(`${project.path}/runs`).catch(() => "")).trim().split("\n");
  const set = (mode: string) => Deno.writeTextFile(`${project.path}/mode`, mode);
  const failsAgain = async () => {
    const before = (await runs()).length;
    await eventually(async () => (await runs()).slice(before).filter((run) => run === "0 fails").length >= 3);
  };
  /** Lets the first event kill its process. */
  const dies = async (program: Program) => {
    await set("dies");
    assert.equal((await program.status).signal, "SIGKILL");
  };

  await set("fails");
  const nc = await connect({ servers: server.url }), jsm = await jetstreamManager(nc);
  await using first = await startReadyWeir(project.path, server.url);
  for (const n of [0, 1]) nc.publish("demo.asked", JSON.stringify({ n }));
  await failsAgain();
  await dies(first);
  await set("fails");
  await using second = await startReadyWeir(project.path, server.url);
  await failsAgain(); // which begins the count of deaths anew
  await dies(second);
  const env = { ...freePorts("PORT", "ADMIN_PORT"), HOST: "127.0.0.1", NATS_URL: server.url };
  await using third = startWeir(project.path, ["start"], env);
  assert.equal((await third.status).signal, "SIGKILL");
  assert.ok(!(await runs()).includes("1 succeeds"), "the later event of the key has waited");

  await using last = await startReadyWeir(project.path, server.url);
  await last.waitForLog(({ message }) => message === "dead letter: crashed");
  await eventually(async () => (await runs()).includes("1 succeeds"));
  const letter = (await jsm.streams.getMessage("DEAD_LETTERS", { seq: 1 }))!;
  assert.deepEqual([letter.header.get("weir-reason"), letter.header.get("weir-attempts"), letter.json()], [
    "crashed",
    "2",
    { n: 0 },
  ]);
  assert.deepEqual((await runs()).filter((run) => run !== "0 fails"), [...Array(3).fill("0 dies"), "1 succeeds"]);
  await nc.close();
});
