import assert from "node:assert/strict";
import { defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { OrderCreated } from "../support/project/schemas/orders.ts";
import { POLICY } from "../support/default_policy.ts";
import { eventually } from "../support/eventually.ts";
import { copyProject, removeName } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

Deno.test("functions shows the status from a running process, of all functions or of one", async (t) => {
  const ship = defineFunction({
    on: OrderCreated,
    retry: { attempts: 3 },
    concurrency: 4,
    dependencies: { Bank: { openFor: "5s" } },
  }, (_event, ctx) => ctx.dependency("Mail").call(() => Promise.resolve()));
  await using project = await copyProject();
  await removeName(project.path); // the test's runtime has none
  await using runtime = await startTestRuntime({ functions: { ship } });
  await runtime.publish(OrderCreated, { orderId: "o1", items: [{ sku: "book", quantity: 1 }], total: 100 });
  const status = async () => (await (await fetch(`${runtime.adminUrl}/functions`)).json())[0];
  await eventually(async () => (await status()).dependencies.Mail);
  const weir = async (...args: string[]) => {
    const { port: ADMIN_PORT } = new URL(runtime.adminUrl);
    const program = startWeir(project.path, ["functions", ...args], { ADMIN_PORT, NO_COLOR: "1" });
    const { code } = await program.status;
    return { code, text: program.lines.join("\n") };
  };

  await t.step("--json prints the whole policy, also of a dependency without configuration", async () => {
    const { code, text } = await weir("ship", "--json");
    assert.equal(code, 0);
    const shown = JSON.parse(text);
    assert.deepEqual(shown.policy, {
      ...POLICY,
      retry: { ...POLICY.retry, attempts: 3 },
      concurrency: 4,
      dependencies: { Mail: POLICY.breaker, Bank: { ...POLICY.breaker, openFor: "5s" } },
    });
    assert.deepEqual(shown.dependencies, { Bank: "closed", Mail: "closed" });
    assert.deepEqual([shown.attempts, shown.timeout, shown.breaker], [3, "20s", "closed"]);
    assert.deepEqual(JSON.parse((await weir("--json")).text).map(({ name }: { name: string }) => name), ["ship"]);
  });

  await t.step("text marks defaults", async () => {
    const { text } = await weir("ship");
    assert.match(text, /^from http:\/\/\S+\/functions: project without a name, NATS nats:\/\/127\.0\.0\.1:\d+$/m);
    assert.match(text, /^ship\n {2}on +orders\.created\n/m);
    assert.match(text, /\n {2}retry\.attempts +3\n {2}retry\.initial +250ms +default\n/);
    assert.match((await weir()).text, /ship +orders\.created +3 tries of 20s, up to 250ms … 1m +0 of 4 /);
  });

  await t.step("an unknown name is refused with the one that was probably meant", async () => {
    const { code, text } = await weir("shop");
    assert.deepEqual([code, text.split("\n").at(-1)], [1, 'weir: there is no function "shop": did you mean "ship"?']);
  });
});
