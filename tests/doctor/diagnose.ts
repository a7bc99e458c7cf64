import assert from "node:assert/strict";
import type { JetStreamManager } from "@nats-io/jetstream";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { z } from "zod";
import { readConfig } from "../../runtime/app/config.ts";
import { examine } from "../../runtime/doctor/examine.ts";
import { gatherCluster } from "../../runtime/doctor/gather_cluster.ts";
import { RULES } from "../../runtime/doctor/rules/all.ts";
import { durablesOf } from "../../runtime/nats/consume/resources.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { desired } from "../support/desired.ts";
import { facts, line } from "./facts.ts";

export const Made = defineEvent({
  type: "orders.made",
  version: 1,
  data: z.object({ n: z.int() }),
  ingress: {},
});
const Sent = defineEvent({ type: "parcels.sent", version: 1, data: z.object({}) });

/** A function that emits, delays a retry, or makes a dead letter. */
export const ship = defineFunction(
  { on: Made, emits: [Sent], timeout: "10s", idempotency: true },
  ({ data }, ctx) => {
    if (data.n < 0) throw new NonRetryableError("no such order");
    if (data.n === 0) throw new RetryAfterError("10m");
    ctx.emit(Sent, {});
  },
);
export const project = registryOf({ ship });

/** Returns the findings of doctor on a server and this project, in lines. */
export async function diagnose(url: string | readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const given: Record<string, string> = { NATS_URL: [url].flat().join(","), HOST: "127.0.0.1", ...env };
  const config = readConfig({ get: (name) => given[name], readFile: () => "" });
  const cluster = await gatherCluster(config, project);
  const { findings } = examine(facts({ config: { value: config }, project: { value: project }, ...cluster }), RULES);
  return findings.map(line);
}

/** Creates the streams and consumers of the project. */
export const createTopology = (jsm: JetStreamManager) =>
  ensureTopology(jsm, desired(project.streams, durablesOf(project.functions)));

/** Asserts that each of these findings is there, and no other errors and warnings. */
export function assertFindings(found: readonly string[], expected: readonly RegExp[]): void {
  for (const pattern of expected) assert.ok(found.some((one) => pattern.test(one)), `${pattern}:\n${found.join("\n")}`);
  const others = found.filter((one) => !/^\S+ info:/.test(one) && !expected.some((pattern) => pattern.test(one)));
  assert.deepEqual(others, []);
}

/** Starts a server with users `shop`, which has these permissions, `all`, and `none`, whose account lacks JetStream. */
export async function startRestricted(permissions: object, log?: (line: string) => void): Promise<NatsServer> {
  const users = [{ user: "all", password: "p" }, { user: "shop", password: "p", permissions }];
  const accounts = { A: { jetstream: "enabled", users }, B: { users: [{ user: "none", password: "p" }] } };
  return await startServer({ config: `accounts: ${JSON.stringify(accounts)}`, log });
}
