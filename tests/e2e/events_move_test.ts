import assert from "node:assert/strict";
import { startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { handledBy, movingProject, storedIn } from "./events_move.ts";

Deno.test("[G22] events move, killed in the middle and run again, brings each event once to each function", async (t) => {
  await using all = await movingProject();
  const { broker, waiting } = all, { jsm } = broker;
  assert.equal((await all.weir("apply")).code, 0);
  await all.publish(2_000);
  await all.change();
  await using weir = await startCommands(all.project.path, broker.server.url);
  const args = ["events", "move", "orders.created", "--from", "ORDERS", "--to", "SALES"];

  await t.step("plan counts what waits in the old stream, and names the command", async () => {
    const { text } = await weir("plan");
    for (const name of ["mail", "bill"]) {
      assert.ok(
        text.includes(
          `warning: ${name}: 2000 events of orders.created wait in ORDERS, and it has them in SALES now. No process pulls ` +
            "them from there: `deno task events move orders.created --from ORDERS --to SALES` sends them to it, before " +
            "`apply --prune`",
        ),
        text,
      );
    }
  });

  await t.step("it asks for the new stream first", async () => {
    assert.match((await weir(...args)).text, /^weir: the new stream does not exist: `deno task apply`, then/m);
  });

  await using program = all.start(["start"]);
  await program.waitForLog(({ message }) => message === "ready");

  await t.step("--dry-run counts, and changes nothing", async () => {
    const { code, text } = await weir(...args, "--dry-run", "--json");
    assert.equal(code, 0, text);
    assert.deepEqual(JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)), {
      ...{ type: "orders.created", from: "ORDERS", to: "SALES", dryRun: true },
      functions: ["bill", "mail"].map((name) => ({ function: name, events: 2_000, deadLetters: 0, paused: false })),
    });
    assert.deepEqual([await waiting("mail"), await waiting("bill"), await storedIn(broker, "RETRIES")], [
      2_000,
      2_000,
      0,
    ]);
  });

  for (const name of ["mail", "bill"]) await jsm.consumers.update("ORDERS", name, { ack_wait: 1_000_000_000 });
  // Until the server has noticed a kill, a move that goes on is refused.
  const noticed = () => nothingPulls(jsm, ["ORDERS"], ({ num_waiting }) => num_waiting > 0);
  const killedAt = async (left: number): Promise<boolean> => {
    await noticed();
    await using command = all.start(args);
    let isRunning = true;
    void command.status.then(() => isRunning = false);
    const isReached = async () => await waiting("mail") + await waiting("bill") <= left;
    await eventually(async () => !isRunning || await isReached(), { every: 1 });
    if (isRunning) command.kill("SIGKILL");
    await command.status;
    return await isReached(); // else it was refused, until the server had noticed the kill before
  };
  for (const left of [3_500, 1_500]) await eventually(() => killedAt(left));
  await noticed();
  const { code, text } = await weir(...args);
  assert.equal(code, 0, text);
  await eventually(() => handledBy(program, "mail").length >= 2_000 && handledBy(program, "bill").length >= 2_000);
  await eventually(async () => await storedIn(broker, "RETRIES") === 0);
  const expected = Array.from({ length: 2_000 }, (_, n) => n);
  for (const name of ["mail", "bill"]) {
    assert.deepEqual(handledBy(program, name).sort((a, b) => a - b), expected, name);
  }
  assert.equal(await storedIn(broker, "ORDERS"), 2_000, "history stays");
  assert.match((await weir(...args)).text, /^mail: 0 events moved from ORDERS$/m);
  assert.doesNotMatch((await weir("plan")).text, /warning/);
  assert.match((await weir("apply", "--prune")).text, /removed, with 0 events left unhandled in stream ORDERS/);
  assert.match((await weir(...args)).text, /^weir: no function has a consumer for orders\.created on ORDERS: nothing/m);
});
