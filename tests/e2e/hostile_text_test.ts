import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

/** An id that clears a terminal, forges a line of the log, and reverses what follows. */
const FORGED = "o 1\u001b[2J\u009b1A\nforged\u202e";
// deno-lint-ignore no-control-regex -- control characters are what must not get there
const ALIEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

Deno.test("weir writes short lines about any event, in which no text of the event forges another", async (t) => {
  await using broker = await startBroker();
  await using project = await copyProject();
  const env = { NATS_URL: broker.server.url, PORT: "0", ADMIN_PORT: "0", NO_COLOR: "1", WEIR_AUTH: "none" };
  await using weir = startWeir(project.path, ["start"], { ...env, LOG_LEVEL: "info" });
  await weir.waitForLog(({ message }) => message === "ready");
  const faulty = JSON.stringify({ items: Array.from({ length: 300_000 }, () => ({})) });
  const hdrs = headers();
  hdrs.set("ce-id", encodeURIComponent(FORGED));
  hdrs.set("ce-type", "orders.created");
  await jetstream(broker.nc).publish("orders.created", faulty, { headers: hdrs });

  await t.step("a log line about a megabyte of faults is short", async () => {
    const { event_id } = await weir.waitForLog(({ message }) => message === "dead letter: invalid");
    assert.equal(event_id, FORGED);
    for (const line of weir.lines) {
      assert.ok(line.length < 40_000, `a line of ${line.length} characters`);
      assert.doesNotMatch(line, ALIEN);
    }
  });

  for (const args of [["list"], ["list", "--json"], ["show", "1"], ["redrive", "--all", "--dry-run"]]) {
    await t.step(`dead-letters ${args.join(" ")} shows the decoded id, and nothing that a terminal obeys`, async () => {
      await using command = startWeir(project.path, ["dead-letters", ...args], env);
      assert.equal((await command.status).code, 0);
      const text = command.lines.join("\n");
      assert.doesNotMatch(text, ALIEN);
      if (args.includes("--json")) assert.equal(JSON.parse(text)[0].id, FORGED);
      else if (args[0] === "show") assert.equal(JSON.parse(text).id, FORGED);
    });
  }

  await t.step("events record finds an event by its decoded id", async () => {
    await using command = startWeir(project.path, ["events", "record", "orders.created", "--id", FORGED], env);
    assert.equal((await command.status).code, 0, command.lines.join("\n"));
    assert.match(command.lines.join("\n"), /"ce-id": "o%201/);
  });
});
