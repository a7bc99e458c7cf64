import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { copyProjectWith } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const SCHEMAS = `
import { defineEvent } from "weir";
import { z } from "zod";
export const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ poison: z.boolean() }) });
`;
const FUNCTION = `
import { defineFunction } from "weir";
import { Asked } from "../schemas/demo.ts";
export default defineFunction({ on: Asked, retry: { attempts: 2 }, concurrency: 1 }, ({ data }, ctx) => {
  ctx.log.info("begun", { poison: data.poison });
  if (data.poison) Deno.kill(Deno.pid, "SIGKILL");
});
`;

Deno.test("[G19] start ends an event that keeps killing its process as `crashed` without running it again, and handles the next", async () => {
  await using server = await startServer();
  await using project = await copyProjectWith({ "schemas/demo.ts": SCHEMAS, "functions/work.ts": FUNCTION });
  const env = { PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1", NATS_URL: server.url };
  const nc = await connect({ servers: server.url });
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: "DEMO", subjects: ["demo.>"] });
  for (const poison of [true, false, false]) nc.publish("demo.asked", JSON.stringify({ poison }));
  await nc.flush();

  const begun = { poison: 0, harmless: 0 };
  const count = (lines: readonly string[]) => {
    for (const line of lines.map((line) => JSON.parse(line)).filter(({ message }) => message === "begun")) {
      begun[line.poison ? "poison" : "harmless"]++;
    }
  };
  let deaths = 0;
  while (true) { // restarts the process, as a supervisor does
    const program = startWeir(project.path, ["start"], env);
    const buried = program.waitForLog(({ message }) => message === "dead letter: crashed").then(
      () => "buried",
      () => "",
    );
    const end = await Promise.race([buried, program.status.then(() => "died")]);
    if (end === "died") {
      deaths++;
      count(program.lines);
      assert.ok(deaths <= 3, "the event kills a fourth process");
      continue;
    }
    const harmless = () => program.lines.filter((line) => line.includes('"poison":false')).length + begun.harmless;
    await eventually(() => harmless() === 2); // they may come after the dead letter
    program.kill("SIGTERM");
    await program.status;
    count(program.lines);
    break;
  }
  const letter = (await jsm.streams.getMessage("DEAD_LETTERS", { seq: 1 }))!;
  assert.equal(letter.header.get("weir-reason"), "crashed");
  assert.equal(letter.header.get("weir-attempts"), "2");
  assert.deepEqual(letter.json(), { poison: true });
  assert.deepEqual({ deaths, ...begun }, { deaths: 2, poison: 2, harmless: 2 });
  await nc.close();
});
