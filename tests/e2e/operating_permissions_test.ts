import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { copyProject } from "../support/project.ts";

const USERS = ["pause", "cancel", "replay", "verify", "move"] as const;

/** Returns the users in deploy/OPERATIONS.md, as a nats-server takes them. */
async function documentedUsers(): Promise<string[]> {
  const text = await Deno.readTextFile(new URL("../../deploy/OPERATIONS.md", import.meta.url));
  return USERS.map((name) => {
    const [, permissions] = new RegExp("```\n" + name + ": (\\{[^`]*\\})\n```").exec(text)!;
    return `{ user: ${name}, password: secret, permissions: ${permissions} }`;
  });
}

Deno.test("the operating commands need no permission beyond those in deploy/OPERATIONS.md", async (t) => {
  const violations: string[] = [], handled: string[] = [];
  await using server = await startServer({
    config: `authorization { users: [{ user: all, password: secret }\n${
      (await documentedUsers()).join("\n")
    }] }\nno_auth_user: all`,
    log: (line) => void (/violation/i.test(line) && violations.push(line)),
  });
  await using project = await copyProject();
  await using scope = new AsyncDisposableStack();
  const nc = await connectNats({ servers: [server.url], name: "test" });
  scope.defer(() => nc.close());
  const run = async (user: typeof USERS[number] | "all", args: string[], env: Record<string, string> = {}) => {
    const weir = commandRunner(project.path, server.url, { NATS_USER: user, NATS_PASSWORD: "secret", ...env });
    return await weir(...args);
  };
  const succeeds = async (...given: Parameters<typeof run>) => {
    const { code, text } = await run(...given);
    assert.equal(code, 0, text);
    assert.deepEqual(violations, [], text);
    return text;
  };
  const ship = defineFunction({ on: "demo.asked", decode: "text" }, ({ data }) => {
    if (data === "later") throw new RetryAfterError("1h");
    handled.push(data);
  });
  {
    await using _runtime = await startTestRuntime({ functions: { ship }, server });
    for (const text of ["later", "a", "b"]) nc.publish("demo.asked", text);
    await eventually(() => handled.length === 2);

    await t.step("functions pause and resume, and events cancel of one that waits in its stream", async () => {
      await succeeds("pause", ["functions", "pause", "ship"]);
      nc.publish("demo.asked", "c");
      await nc.flush();
      assert.match(await succeeds("cancel", ["events", "cancel", "DEMO", "4", "--function", "ship"]), /next attempt/);
      await succeeds("pause", ["functions", "resume", "ship"]);
    });

    await t.step("events cancel of a delayed retry", async () => {
      assert.match(await succeeds("cancel", ["events", "cancel", "DEMO", "1", "--function", "ship"]), /dead letter of/);
    });

    await t.step("replay", async () => {
      const text = await succeeds("replay", ["replay", "ship", "--from", "2", "--until", "3"]);
      assert.match(text, /: 2 of 2 events sent to ship$/);
      await eventually(() => handled.filter((one) => one !== "c").length === 4);
    });
  }

  await t.step("functions rename", async () => {
    await nothingPulls(await jetstreamManager(nc));
    const { code, text } = await run("move", ["functions", "rename", "ship", "deliver"]);
    assert.equal(code, 0, text);
    assert.match(text, /^ship is deliver now/m);
    assert.deepEqual(violations, []);
  });

  await t.step("schemas verify", async () => {
    await succeeds("all", ["apply"]);
    await succeeds("all", ["publish", "orders.created", "--sample", "2"]);
    assert.match(await succeeds("verify", ["schemas", "verify", "--since", "1h"]), /^orders\.created +ORDERS +2 +0$/m);
  });

  await t.step("migrate", async () => {
    const text = await succeeds("move", ["migrate"], { WEIR_NAMESPACE: "shop-staging" });
    assert.match(text, /^moved 2 waiting events/m);
  });
});
