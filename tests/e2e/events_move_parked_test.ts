import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { movingProject } from "./events_move.ts";

const MAIL = `
import { existsSync } from "node:fs";
import { defineFunction } from "weir";
import { Created } from "../schemas/orders.ts";
export default defineFunction({
  on: Created,
  order: { by: () => "all", onFailure: "park" },
  retry: { attempts: 1 },
}, ({ data }, { log }) => {
  if (existsSync("down")) throw new Error("down");
  log.info("mailed", data);
});
`;

Deno.test("events move keeps parked keys, and a redrive of the first returns the others in order, with those of the new stream", async () => {
  await using all = await movingProject({ mail: MAIL });
  const { broker: { jsm }, weir } = all;
  const letters = async () => (await jsm.streams.info("DEAD_LETTERS")).state.messages;
  await all.write("down", "");
  {
    await using before = all.start(["start"]);
    await before.waitForLog(({ message }) => message === "ready");
    await all.publish(5);
    await eventually(async () => await letters() === 5);
    before.kill("SIGTERM");
    await before.status;
  }
  await nothingPulls(jsm);
  await all.change();
  assert.equal((await weir("apply")).code, 0);
  const moved = await weir("events", "move", "orders.created", "--from", "ORDERS", "--to", "SALES");
  assert.equal(moved.code, 0, moved.text);
  await using program = all.start(["start"]);
  await program.waitForLog(({ message }) => message === "ready");
  await all.publish(3);
  await eventually(async () => await letters() === 8);
  await Deno.remove(`${all.project.path}/down`);
  const redriven = await weir("dead-letters", "redrive", "--function", "mail");
  assert.match(redriven.text, /^1 redriven/m);
  await eventually(async () => await letters() === 0);
  const mailed = () => program.lines.filter((line) => line.includes('"mailed"')).map((line) => JSON.parse(line).n);
  await eventually(() => mailed().length === 8);
  assert.deepEqual(mailed(), [0, 1, 2, 3, 4, 0, 1, 2]);
});
