import assert from "node:assert/strict";
import { defineFunction } from "../../runtime/api/define_function.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { startRuntime } from "../../runtime/app/runtime.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { TestCluster } from "../chaos/cluster.ts";
import { testsAtOnce } from "../support/at_once.ts";
import { eventually } from "../support/eventually.ts";
import type { LogLine } from "../support/weir_process.ts";

const test = testsAtOnce("startRuntime waits for a cluster", 3);

/** Starts a runtime of one function on the first node of a cluster. */
function start(cluster: TestCluster, options: Parameters<typeof startRuntime>[3] = {}) {
  const NATS_URL = cluster.nodes.get("n1")!.url;
  const variables: Record<string, string> = {
    NATS_URL,
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
    WEIR_REPLICAS: "3",
  };
  const config = readConfig({ get: (name) => variables[name], readFile: () => "" });
  const registry = registryOf({ ship: defineFunction({ on: "orders.paid" }, () => {}) });
  const lines: LogLine[] = [];
  const log = new Logger({ level: "warn", format: "json", write: (line) => void lines.push(JSON.parse(line)) });
  return { lines, started: startRuntime(config, registry, log, options) };
}

test("startRuntime waits for a cluster without a leader, says what for, and starts once one is elected", async () => {
  await using cluster = await TestCluster.start();
  const others = ["n2", "n3"].map((name) => cluster.nodes.get(name)!);
  await Promise.all(others.map((node) => node.kill()));
  const { lines, started } = start(cluster);
  await eventually(() => lines.some(({ message }) => message === "waiting for NATS: streams and consumers"));
  await eventually(() => lines.some(({ error }) => /^(stream|consumer|bucket) \S+.*: /.test(String(error))));
  await Promise.all(others.map((node) => node.restart()));
  const runtime = await started;
  await runtime.stop();
});

test("startRuntime ends after the time it may wait, and names what it waited for", async () => {
  await using cluster = await TestCluster.start();
  await Promise.all(["n2", "n3"].map((name) => cluster.nodes.get(name)!.kill()));
  const { started } = start(cluster, { waitMs: 1_000 });
  await assert.rejects(started, (error: Error) => {
    assert.match(error.message, /^waited \d+ s for NATS: streams and consumers: (.|\n)*stream \S+: (.|\n)* leader/);
    return true;
  });
});

test("startRuntime that waits ends at once when the process stops", async () => {
  await using cluster = await TestCluster.start();
  await Promise.all(["n2", "n3"].map((name) => cluster.nodes.get(name)!.kill()));
  const stop = new AbortController();
  const { lines, started } = start(cluster, { signal: stop.signal });
  await eventually(() => lines.some(({ message }) => message === "waiting for NATS: streams and consumers"));
  stop.abort(new Error("stopped"));
  await assert.rejects(started, /^Error: stopped$/);
});
