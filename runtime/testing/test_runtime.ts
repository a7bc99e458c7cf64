import type { EventDefinition } from "../api/define_event.ts";
import { oneOf } from "../project/startup_problems.ts";
import type { Registry } from "../project/registry.ts";
import { startServer } from "../nats_server/server.ts";
import { connectCluster } from "../app/cluster.ts";
import { publishAsync } from "../engine/publisher.ts";
import { type Config, readConfig } from "../app/config.ts";
import { DEAD_LETTERS } from "../nats/dead_letters/dead_letters.ts";
import { NatsKvStore } from "../nats/kv/kv_store.ts";
import { startRuntime } from "../app/runtime.ts";
import { Logger } from "../telemetry/otel/logs/logger.ts";
import { setupMetrics } from "../telemetry/metrics.ts";
import { OutcomeEmitter } from "../telemetry/outcome_emitter.ts";
import { setupTracing } from "../telemetry/setup_tracing.ts";
import { findMessage, type FoundMessage } from "./find_message.ts";
import { registryOf } from "./modules.ts";
import { Settlements } from "./settlements.ts";
import { durationMs } from "./test_clock.ts";
import type { TestRuntime, TestRuntimeOptions } from "./test_runtime_types.ts";
import { untilSettled } from "./until_settled.ts";

const PATIENCE = "10s";
const DEFAULTS = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_LEVEL: "error", LOG_FORMAT: "pretty" };

/**
 * Runs real functions on a real nats-server that it starts, each time a fresh one, so that tests may run at once.
 *
 * @throws {StartupProblems} when the functions could not start.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent, defineFunction } from "weir";
 * import { assertAcked, assertEmitted, startTestRuntime } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
 * const Greeted = defineEvent({ type: "demo.greeted", version: 1, data: z.object({ text: z.string() }) });
 * const greet = defineFunction({ on: Asked, emits: [Greeted] }, (event, ctx) => {
 *   ctx.emit(Greeted, { text: `Hello ${event.data.name}` });
 * });
 * const count = defineFunction({ on: Greeted }, async (_event, ctx) => {
 *   await ctx.kv("counts").put("greeted", 1);
 * });
 *
 * await using runtime = await startTestRuntime({ functions: { greet, count } });
 * const { settled: [first, second] } = await runtime.publishAndSettle(Asked, { name: "Ada" });
 * assertEmitted(first, Greeted, { text: "Hello Ada" });
 * assertAcked(second);
 * assert.equal((await runtime.kv("counts").get("greeted"))?.value, 1);
 * ```
 */
export async function startTestRuntime(options: TestRuntimeOptions): Promise<TestRuntime> {
  const registry: Registry = registryOf({ ...options.functions }, options.schemas);
  const server = options.server ?? await startServer();
  const release = () => options.server ? Promise.resolve() : server.stop();
  try {
    const env: Record<string, string> = { ...DEFAULTS, NATS_URL: server.url, ...options.env };
    const config = readConfig({ get: (name) => env[name], readFile: (path) => Deno.readTextFileSync(path) });
    await setupTracing((name) => env[name], config.OTEL_SERVICE_NAME);
    const log = new Logger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
    const metrics = await setupMetrics((name) => env[name], config.OTEL_SERVICE_NAME);
    const outcomes = new OutcomeEmitter(), settlements = new Settlements(outcomes, running(registry, config));
    const runtime = await startRuntime(config, registry, log, { metrics, outcomes });
    const cluster = await connectCluster(config);
    const kv = new NatsKvStore(cluster.nc, 1);
    let stopping: Promise<void> | undefined;
    const stop = () =>
      stopping ??= (async () => {
        await runtime.stop();
        await metrics.shutdown();
        await cluster.close();
        await release();
      })();
    const publish: TestRuntime["publish"] = async (event, data, { id = crypto.randomUUID() } = {}) => {
      if (stopping) throw new Error(`publish ${event.type}: this test runtime was stopped`);
      checkKnown(event, registry);
      const json = JSON.stringify(data);
      if (json === undefined) throw new TypeError(`publish ${event.type}: an event carries JSON, null at the least`);
      if (id === "") throw new TypeError(`publish ${event.type}: an id is text, or left out`);
      const time = new Date().toISOString();
      return await publishAsync(cluster.publisher, { id, type: event.type, source: "/test", time, json });
    };
    const status = async () => await (await fetch(`${runtime.adminUrl}/functions`)).json();
    return {
      url: runtime.url,
      adminUrl: runtime.adminUrl,
      server,
      publish,
      publishAndSettle: async (event, data, options = {}) => {
        const { id = crypto.randomUUID(), waitForRetries = false, timeout = PATIENCE } = options;
        const stored = await publish(event, data, { id });
        const patience = { subject: event.type, id, waitForRetries, timeoutMs: durationMs(timeout) };
        return { id, stored, settled: await untilSettled(settlements, patience, status) };
      },
      settled: settlements.entries,
      waitForEvent: async (event, where = () => true) => {
        checkKnown(event, registry);
        // deno-lint-ignore no-explicit-any -- what is on the wire is what the schema takes
        return await findMessage(cluster, event.type, ({ data }) => where(data as any)) as FoundMessage<any>;
      },
      waitForDeadLetter: async (functionName) => {
        const names = registry.functions.map(({ name }) => name);
        if (!options.server && !names.includes(functionName)) {
          throw new TypeError(`no function here is called "${functionName}"; there are: ${oneOf(names)}`);
        }
        return await findMessage(cluster, `${DEAD_LETTERS.prefix}.${functionName}.>`, () => true);
      },
      kv: (bucket) => kv.bucket(bucket),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** @throws {TypeError} when it is nobody's: there need be no stream that would store it. */
function checkKnown({ type }: EventDefinition, { events }: Registry): void {
  if (events.has(type)) return;
  throw new TypeError(`no function here names "${type}": give startTestRuntime the event in \`schemas\``);
}

/** The functions that this runtime runs, by its environment. */
function running({ functions }: Registry, { WEIR_ROLES: roles, WEIR_FUNCTIONS: names }: Config): Registry["functions"] {
  if (!roles.includes("functions")) return [];
  return functions.filter(({ name }) => names?.includes(name) ?? true);
}
