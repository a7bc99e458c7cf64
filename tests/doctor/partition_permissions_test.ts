import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { resourcesOf } from "../../runtime/app/resources.ts";
import { permissionsOf } from "../../runtime/nats/topology/permissions.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { eventually } from "../support/eventually.ts";
import { startRestricted } from "./diagnose.ts";

const Made = defineEvent({ type: "orders.made", version: 1, data: z.object({ n: z.int() }) });

Deno.test("permissionsOf suffices for a function with partitions, also to hand them over and to park a key", async () => {
  const handled: number[] = [];
  const ship = defineFunction({
    on: Made,
    order: { by: ({ data }) => `key ${data.n % 40}`, partitions: 4, onFailure: "park" },
    retry: { attempts: 1 },
  }, ({ data: { n } }) => {
    if (n === 0) throw new Error("as planned");
    handled.push(n);
  });
  const required = permissionsOf(resourcesOf(registryOf({ ship })), new Set());
  const allow = (action: string) => [
    ...new Set(required.filter((permission) => permission.action === action).map(({ subject }) => subject)),
  ];
  const publish = { allow: [...allow("publish"), "orders.>", "$SYS.REQ.USER.INFO", "$JS.API.INFO"] };
  const violations: string[] = [];
  const log = (line: string) => void (/Violation/.test(line) && violations.push(line));
  await using server = await startRestricted({ publish, subscribe: { allow: allow("subscribe") } }, log);
  const env = { NATS_USER: "shop", NATS_PASSWORD: "p" };
  await using first = await startTestRuntime({ functions: { ship }, server, env });
  await using second = await startTestRuntime({ functions: { ship }, server, env });
  let published = 0;
  const held = async ({ adminUrl }: { adminUrl: string }): Promise<number[]> =>
    (await (await fetch(`${adminUrl}/functions`)).json())[0].order.partitions;
  await eventually(async () => {
    for (const to = published + 40; published < to; published++) await first.publish(Made, { n: published });
    return (await held(first)).length === 2 && (await held(second)).length === 2;
  });
  await eventually(async () => {
    const letters = await (await fetch(`${first.adminUrl}/dead-letters`)).json();
    return handled.length + letters.length === published;
  });
  assert.deepEqual(violations, []);
});
