import assert from "node:assert/strict";
import { defineEvent } from "../../runtime/api/define_event.ts";
import { defineFunction } from "../../runtime/api/define_function.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { withCluster } from "../../runtime/app/cluster.ts";
import { startRuntime } from "../../runtime/app/runtime.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { StartupProblems } from "../../runtime/project/startup_problems.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { eventually } from "../support/eventually.ts";
import { z } from "zod";

const Placed = defineEvent({ type: "orders.placed", version: 1, data: z.object({}), ingress: {} });
const JSON_TYPE = { "content-type": "application/json" };

type Options = Parameters<typeof startRuntime>[3];

/** Starts a runtime on loopback, and collects the messages that it logs. */
function start(
  url: string,
  variables: Record<string, string> = {},
  options: Options = {},
  handle: () => unknown = () => {},
) {
  const environment: Record<string, string> = {
    ...{ NATS_URL: url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" },
    ...variables,
  };
  const config = readConfig({ get: (name) => environment[name], readFile: () => "" });
  const lines: string[] = [], write = (line: string) => void lines.push(line);
  const ship = defineFunction({ on: Placed }, async () => void await handle());
  const registry = registryOf({ ship });
  return {
    config,
    lines,
    started: startRuntime(config, registry, new Logger({ level: "warn", format: "json", write }), options),
  };
}

/** Takes a port until it is disposed of. */
function takePort() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { port: String(listener.addr.port), [Symbol.dispose]: () => listener.close() };
}

/** A test that fails if the runtime leaves a connection, a listener or a timer behind. */
function test(name: string, fn: () => Promise<void>) {
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}

for (const variable of ["PORT", "ADMIN_PORT"]) {
  test(`startRuntime leaves nothing running if ${variable} is taken, and names it`, async () => {
    await using server = await startServer();
    using taken = takePort();
    const { started, lines } = start(server.url, { [variable]: taken.port });
    await assert.rejects(
      started,
      new RegExp(`^Error: cannot listen on 127.0.0.1:${taken.port}: .* set ${variable} to `),
    );
    assert.deepEqual(lines, []);
  });
}

test("startRuntime leaves nothing running if the topology has problems, and names each", async () => {
  await using server = await startServer();
  const { started, lines } = start(server.url, {}, { apply: false });
  await assert.rejects(started, (error) => error instanceof StartupProblems && error.problems.length > 1);
  assert.deepEqual(lines, []);
});

test("startRuntime leaves nothing running if NATS refuses the connection", async () => {
  const { port } = (() => {
    using free = takePort();
    return free;
  })();
  const { started, lines } = start(`nats://127.0.0.1:${port}`);
  await assert.rejects(started, /^Error: cannot connect to NATS at 127\.0\.0\.1:/);
  assert.deepEqual(lines, []);
});

test("startRuntime leaves nothing running if the process stops meanwhile", async () => {
  await using server = await startServer();
  const shutdown = new AbortController();
  const { started, lines } = start(server.url, {}, { signal: shutdown.signal });
  shutdown.abort(new Error("stopped"));
  await assert.rejects(started, /^Error: stopped$/);
  assert.deepEqual(lines, []);
});

test("Runtime.stop closes the public listener first, then lets handlers finish, then closes admin and NATS", async () => {
  await using server = await startServer();
  const begun = Promise.withResolvers<void>(), finish = Promise.withResolvers<void>();
  const { config, started, lines } = start(server.url, {}, {}, () => {
    begun.resolve();
    return finish.promise;
  });
  const runtime = await started, { url, adminUrl } = runtime;
  const published = await fetch(`${url}/events/orders.placed`, { method: "POST", body: "{}", headers: JSON_TYPE });
  assert.equal(published.status, 202, await published.text());
  await begun.promise;

  const stopped = runtime.stop();
  assert.equal(runtime.stop(), stopped, "a second call waits for the first");
  await eventually(() => isRefused(url));
  const ready = await fetch(`${adminUrl}/health/ready`);
  assert.equal(ready.status, 503);
  assert.deepEqual((await ready.json()).checks.runtime, { status: "Unhealthy", error: "shutting down" });
  assert.equal(runtime.inFlight, 1);

  finish.resolve();
  await stopped;
  assert.equal(runtime.inFlight, 0);
  assert.equal(await isRefused(adminUrl), true);
  assert.deepEqual(lines, []);
  await withCluster(config, async ({ jsm }) => {
    const { num_ack_pending, ack_floor } = await jsm.consumers.info("ORDERS", "ship");
    assert.deepEqual([num_ack_pending, ack_floor.stream_seq], [0, 1], "the event was acked before NATS was closed");
  });
});

/** Returns whether nothing listens at an address. */
async function isRefused(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).body?.cancel();
    return false;
  } catch {
    return true;
  }
}
