import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import type { DeadLetterGroup } from "../../runtime/core/dead_letter.ts";
import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { deadLetterResources } from "../../runtime/nats/dead_letters/resources.ts";
import { applyTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { combine } from "../../runtime/nats/topology/resources.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("dead-letters groups tells causes apart, and --error redrives each by itself", async () => {
  await using project = await copyProject();
  const state = { works: false, handled: [] as number[] };
  const ship = defineFunction({ on: Asked, breaker: { consecutiveFailures: 1_000 } }, ({ data: { n } }) => {
    if (state.works) return void state.handled.push(n);
    throw new NonRetryableError(["no stock for order", "the bank answered HTTP 503 for", "late"][n % 3] + ` ${n}`);
  });
  await using runtime = await startTestRuntime({ functions: { ship } });
  for (let n = 0; n < 30; n++) await runtime.publish(Asked, { n });
  const weir = commandRunner(project.path, runtime.server.url);
  const groups = async () => JSON.parse((await weir("dead-letters", "groups", "--json")).text) as DeadLetterGroup[];
  await eventually(async () => (await (await fetch(`${runtime.adminUrl}/dead-letters`)).json()).length === 30);
  const found = await groups();
  assert.deepEqual(found.map(({ count }) => count), [10, 10, 10]);
  assert.match((await weir("dead-letters", "groups")).text, / 10 +ship +demo\.asked +rejected .*HTTP 503 for #$/m);
  const overHttp = await (await fetch(`${runtime.adminUrl}/dead-letters/groups?error=HTTP+503`)).json();
  assert.deepEqual(overHttp.map(({ id }: DeadLetterGroup) => id), [
    found.find(({ error }) => error.includes("503"))!.id,
  ]);

  state.works = true;
  const bank = found.find(({ error }) => error.includes("HTTP 503"))!;
  const { text } = await weir("dead-letters", "redrive", "--error", bank.id, "--json");
  assert.equal(JSON.parse(text).redriven, 10);
  await eventually(() => state.handled.length === 10);
  assert.ok(state.handled.every((n) => n % 3 === 1));
  assert.equal((await weir("dead-letters", "discard", "--error", "no stock")).text.split("\n").at(-1), "10 discarded");
  assert.deepEqual((await groups()).map(({ count }) => count), [10]);
  assert.equal((await weir("dead-letters", "list", "--error", "")).code, 64);
});

Deno.test("dead-letters groups tells seven causes among 20,000 dead letters apart", async () => {
  await using project = await copyProject();
  await using broker = await startBroker();
  await applyTopology(broker.jsm, combine([deadLetterResources(NO_NAMESPACE)]), {});
  const causes = ["a stock", "a bank", "a mail", "an address", "a currency", "a carrier", "a customer"];
  for (let n = 0; n < 20_000; n++) {
    const hdrs = headers();
    hdrs.set("weir-reason", "rejected");
    hdrs.set("weir-error", `Error: order ${n} has not ${causes[n % 7]}, said node-${n % 13} of "${n}"`);
    broker.nc.publish("dead_letters.ship.orders.made", "{}", { headers: hdrs });
    if (n % 500 === 499) await broker.nc.flush();
  }
  await eventually(async () => (await broker.jsm.streams.info("DEAD_LETTERS")).state.messages === 20_000);
  const { text } = await commandRunner(project.path, broker.server.url)("dead-letters", "groups", "--json");
  const groups = JSON.parse(text) as DeadLetterGroup[];
  assert.deepEqual(groups.map(({ error }) => /not (a\w* \w+)/.exec(error)![1]).sort(), causes.toSorted());
  assert.equal(groups.reduce((sum, { count }) => sum + count, 0), 20_000);
});
