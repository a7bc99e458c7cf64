import { type Cluster, connectCluster } from "../../app/cluster.ts";
import { readConfig } from "../../app/config.ts";
import { selectFunctions } from "../../app/select_functions.ts";
import { startRuntime } from "../../app/runtime.ts";
import { publishAsync } from "../../engine/publisher.ts";
import { DEAD_LETTERS } from "../../nats/dead_letters/dead_letters.ts";
import { jsonText } from "../../core/json_text.ts";
import { NatsKvStore } from "../../nats/kv/nats_kv_store.ts";
import { type NatsServer, startServer } from "../../nats_server/server.ts";
import type { Registry } from "../../project/registry.ts";
import { oneOf } from "../../project/startup_problems.ts";
import { Logger } from "../../telemetry/otel/logs/logger.ts";
import { setupMetrics } from "../../telemetry/metrics.ts";
import { OutcomeEmitter } from "../../telemetry/outcome_emitter.ts";
import { setupTracing } from "../../telemetry/setup_tracing.ts";
import { Settlements, untilSettled } from "./settlements.ts";
import { durationMs } from "../test_clock.ts";
import { registryOf } from "../test_registry.ts";
import { findMessage, type FoundMessage } from "./find_message.ts";
import type { TestRuntime, TestRuntimeOptions } from "./test_runtime.ts";

const TIMEOUT = "10s";
const DEFAULTS = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_LEVEL: "error", LOG_FORMAT: "pretty" };

/**
 * Runs functions on a nats-server. Each call starts a fresh server, so tests may run in parallel.
 *
 * @throws {StartupProblems} if a function is not valid.
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
  const registry = registryOf({ ...options.functions }, options.schemas);
  await using started = new AsyncDisposableStack();
  const server = options.server ?? started.use(await startServer());
  const env: Record<string, string> = { ...DEFAULTS, NATS_URL: server.url, ...options.env };
  const config = readConfig({ get: (name) => env[name], readFile: (path) => Deno.readTextFileSync(path) });
  await setupTracing((name) => env[name], config.OTEL_SERVICE_NAME);
  const log = new Logger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const metrics = await setupMetrics((name) => env[name], config.OTEL_SERVICE_NAME);
  const outcomes = new OutcomeEmitter(), settlements = new Settlements(outcomes, selectFunctions(config, registry));
  const runtime = await startRuntime(config, registry, log, { metrics, outcomes });
  const cluster = await connectCluster(config);
  started.defer(() => cluster.close());
  started.defer(() => metrics.shutdown());
  started.defer(() => runtime.stop());
  const sharedServer = options.server !== undefined, services = started.move();
  return new StartedRuntime({ runtime, server, sharedServer, registry, cluster, settlements, services });
}

/** Everything that {@linkcode startTestRuntime} starts. */
interface Parts {
  readonly runtime: { readonly url: string; readonly adminUrl: string };
  readonly server: NatsServer;
  /** Whether the caller gave the server. */
  readonly sharedServer: boolean;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly settlements: Settlements;
  /** Disposing of it stops everything. */
  readonly services: AsyncDisposableStack;
}

class StartedRuntime implements TestRuntime {
  readonly url: string;
  readonly adminUrl: string;
  readonly server: NatsServer;
  readonly settled: TestRuntime["settled"];
  readonly kv: TestRuntime["kv"];
  readonly #parts: Parts;
  #stopping: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.url = parts.runtime.url;
    this.adminUrl = parts.runtime.adminUrl;
    this.server = parts.server;
    this.settled = parts.settlements.entries;
    const store = new NatsKvStore(parts.cluster.nc, 1);
    this.kv = (bucket) => store.bucket(bucket);
  }

  publish: TestRuntime["publish"] = async ({ type }, data, { id = crypto.randomUUID() } = {}) => {
    const { registry, cluster } = this.#parts;
    if (this.#stopping) throw new Error(`publish ${type}: this test runtime was stopped`);
    checkKnown(type, registry);
    const json = jsonText(data, `publish ${type}`, "the data");
    if (id === "") throw new TypeError(`publish ${type}: the id must not be empty; omit it for a random one`);
    const time = new Date().toISOString();
    return await publishAsync(cluster.publisher, { id, type, source: "/test", time, json });
  };

  publishAndSettle: TestRuntime["publishAndSettle"] = async (event, data, options = {}) => {
    const { id = crypto.randomUUID(), waitForRetries = false, timeout = TIMEOUT } = options;
    const timeoutMs = durationMs(timeout), stored = await this.publish(event, data, { id });
    const status = async () => await (await fetch(`${this.adminUrl}/functions`)).json();
    const awaited = { subject: event.type, id, waitForRetries, timeoutMs };
    return { id, stored, settled: await untilSettled(this.#parts.settlements, awaited, status) };
  };

  waitForEvent: TestRuntime["waitForEvent"] = async ({ type }, where = () => true) => {
    const { registry, cluster } = this.#parts;
    checkKnown(type, registry);
    // deno-lint-ignore no-explicit-any -- a stored event has the data that the schema takes
    return await findMessage(cluster, type, ({ data }) => where(data as any)) as FoundMessage<any>;
  };

  waitForDeadLetter: TestRuntime["waitForDeadLetter"] = async (functionName) => {
    const { registry, cluster, sharedServer } = this.#parts;
    const names = registry.functions.map(({ name }) => name);
    // Other functions may have left dead letters on a server that the caller shares.
    if (!sharedServer && !names.includes(functionName)) {
      throw new TypeError(`no function here is called "${functionName}"; there are: ${oneOf(names)}`);
    }
    return await findMessage(cluster, `${DEAD_LETTERS.prefix}.${functionName}.>`, () => true);
  };

  stop = (): Promise<void> => this.#stopping ??= this.#parts.services.disposeAsync();

  [Symbol.asyncDispose] = this.stop;
}

/** Refuses an event that no stream may store. @throws {TypeError} */
function checkKnown(type: string, { events }: Registry): void {
  if (events.has(type)) return;
  throw new TypeError(`no function here names "${type}": give startTestRuntime the event in \`schemas\``);
}
