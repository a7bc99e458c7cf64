import type { z } from "zod";
import type { KvBucket } from "../../api/context.ts";
import { provideValues } from "../../api/provided_values.ts";
import { type EventDefinition, payloadText } from "../../api/define_event.ts";
import { type Cluster, connectCluster } from "../../app/cluster.ts";
import { readConfig } from "../../app/config.ts";
import { selectFunctions } from "../../app/select_functions.ts";
import { startRuntime } from "../../app/runtime.ts";
import { publishAsync, type PublishResult } from "../../engine/publisher.ts";
import { NatsKvStore } from "../../nats/kv/nats_kv_store.ts";
import { type NatsServer, startServer } from "../../nats_server/server.ts";
import type { Registry } from "../../project/registry.ts";
import { oneOf } from "../../project/startup_problems.ts";
import { Logger } from "../../telemetry/otel/logs/logger.ts";
import { setupMetrics } from "../../telemetry/metrics.ts";
import { OutcomeEmitter } from "../../telemetry/outcome_emitter.ts";
import { setupTracing } from "../../telemetry/setup_tracing.ts";
import { durationMs } from "../test_clock.ts";
import { fakesOf } from "../fake_resource.ts";
import { definitionsOf, registryOf } from "../test_registry.ts";
import { testVariables } from "../test_values.ts";
import type { SettledEvent, SettleOptions, TestRuntimeOptions } from "./test_runtime_options.ts";
import { findMessage, type FoundMessage } from "./find_message.ts";
import { type SettledEntry, Settlements, untilSettled } from "./settlements.ts";

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
  const functions = { ...options.functions };
  const registry = registryOf(functions, options.schemas, await definitionsOf(functions));
  await using started = new AsyncDisposableStack();
  const server = options.server ?? started.use(await startServer());
  const env: Record<string, string> = { ...DEFAULTS, NATS_URL: server.url, ...options.env };
  const config = readConfig({ get: (name) => env[name], readFile: (path) => Deno.readTextFileSync(path) });
  started.defer(provideValues(testVariables(env)));
  await setupTracing((name) => env[name], config.OTEL_SERVICE_NAME);
  const log = new Logger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const metrics = await setupMetrics((name) => env[name], config.OTEL_SERVICE_NAME);
  const outcomes = new OutcomeEmitter(), settlements = new Settlements(outcomes, selectFunctions(config, registry));
  // `deno test` would check the types of the watchdog's thread at each start, which takes seconds.
  const given = { metrics, outcomes, watchdog: false, fakes: fakesOf(options.resources) };
  const runtime = await startRuntime(config, registry, log, given);
  const cluster = await connectCluster(config, registry);
  started.defer(() => cluster.close());
  started.defer(() => metrics.shutdown());
  started.defer(() => runtime.stop());
  const sharedServer = options.server !== undefined, services = started.move();
  return new TestRuntime({ runtime, server, sharedServer, registry, cluster, settlements, services });
}

/** Everything that {@linkcode startTestRuntime} starts. */
interface Parts {
  readonly runtime: { readonly url: string; readonly adminUrl: string };
  readonly server: NatsServer;
  readonly sharedServer: boolean;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly settlements: Settlements;
  /** Disposing of it stops everything. */
  readonly services: AsyncDisposableStack;
}

/**
 * A Weir runtime for a test, on a real nats-server.
 *
 * @example
 * ```ts
 * import { defineEvent, defineFunction, NonRetryableError } from "weir";
 * import { startTestRuntime } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.unknown() });
 * const refuse = defineFunction({ on: Asked }, () => Promise.reject(new NonRetryableError("never")));
 *
 * await using runtime = await startTestRuntime({ functions: { refuse } });
 * await runtime.publish(Asked, null);
 * await runtime.waitForDeadLetter("refuse");
 * ```
 */
export class TestRuntime implements AsyncDisposable {
  /** The URL of the ingress, such as `http://127.0.0.1:41234`. */
  readonly url: string;
  /** The URL of the admin listener. */
  readonly adminUrl: string;
  /** The nats-server. */
  readonly server: NatsServer;
  /** Every delivery that was settled since the start, in order. */
  readonly settled: readonly SettledEntry[];
  readonly #parts: Parts;
  readonly #kv: NatsKvStore;
  #stopping: Promise<void> | undefined;

  /** Called by {@linkcode startTestRuntime}. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.url = parts.runtime.url;
    this.adminUrl = parts.runtime.adminUrl;
    this.server = parts.server;
    this.settled = parts.settlements.entries;
    this.#kv = new NatsKvStore(parts.cluster.nc, 1, parts.cluster.names);
  }

  /** Publishes an event as the ingress does. An internal event may be published too. */
  async publish<Event extends EventDefinition>(
    definition: Event,
    data: z.input<Event["data"]>,
    { id = crypto.randomUUID() }: { readonly id?: string } = {},
  ): Promise<PublishResult> {
    const { registry, cluster } = this.#parts, { type, version } = definition;
    if (this.#stopping) throw new Error(`publish ${type}: this test runtime was stopped`);
    checkKnown(type, registry);
    const json = payloadText(definition, data, `publish ${type}`);
    if (id === "") throw new TypeError(`publish ${type}: the id must not be empty; omit it for a random one`);
    const event = { id, type, source: "/test", time: new Date().toISOString(), json, version };
    return await publishAsync(cluster.publisher, event);
  }

  /**
   * Publishes an event and waits until it, and every event it caused, is settled. A delayed retry counts as settled
   * unless `waitForRetries` is set.
   *
   * @throws {Error} at the timeout, with the deliveries that are not settled.
   */
  async publishAndSettle<Event extends EventDefinition>(
    event: Event,
    data: z.input<Event["data"]>,
    { id = crypto.randomUUID(), waitForRetries = false, timeout = TIMEOUT }: SettleOptions = {},
  ): Promise<SettledEvent> {
    const timeoutMs = durationMs(timeout), stored = await this.publish(event, data, { id });
    const awaited = { subject: event.type, id, waitForRetries, timeoutMs };
    return { id, stored, settled: await untilSettled(this.#parts.settlements, awaited) };
  }

  /** Waits until an event of a type is in its stream, from any publisher. @throws {Error} after ten seconds. */
  async waitForEvent<Event extends EventDefinition>(
    { type }: Event,
    where: (data: z.input<Event["data"]>) => boolean = () => true,
  ): Promise<FoundMessage<z.input<Event["data"]>>> {
    const { registry, cluster } = this.#parts;
    checkKnown(type, registry);
    const found = await findMessage(cluster, type, ({ data }) => where(data as z.input<Event["data"]>));
    return found as FoundMessage<z.input<Event["data"]>>;
  }

  /** Waits for a dead letter of a function. @throws {Error} after ten seconds. */
  async waitForDeadLetter(functionName: string): Promise<FoundMessage> {
    const { registry, cluster, sharedServer } = this.#parts;
    const names = registry.functions.map(({ name }) => name);
    // Other functions may have left dead letters on a server that the caller shares.
    if (!sharedServer && !names.includes(functionName)) {
      throw new TypeError(`no function here is called "${functionName}"; there are: ${oneOf(names)}`);
    }
    return await findMessage(cluster, `dead_letters.${functionName}.>`, () => true);
  }

  /** Opens a key-value bucket, as `ctx.kv` does. */
  kv<Value>(bucket: string): KvBucket<Value> {
    return this.#kv.bucket(bucket);
  }

  /** Stops the runtime as SIGTERM would, and then the server that it started. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#parts.services.disposeAsync();
  }

  /** Calls {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Refuses an event that no stream may store. @throws {TypeError} */
function checkKnown(type: string, { events }: Registry): void {
  if (events.has(type)) return;
  throw new TypeError(`no function here names "${type}": give startTestRuntime the event in \`schemas\``);
}
