import type { z } from "zod";
import type { KvBucket } from "../authoring/context.ts";
import type { EventDefinition } from "../authoring/define_event.ts";
import { oneOf } from "../authoring/problems.ts";
import type { FunctionDefinition } from "../authoring/define_function.ts";
import type { Registry } from "../authoring/registry.ts";
import { type NatsServer, startServer } from "../broker/server.ts";
import { connectCluster } from "../cluster.ts";
import { type Config, readConfig } from "../config.ts";
import type { Stored } from "../flow/ports.ts";
import { DEAD_LETTERS } from "../nats/dead_letters.ts";
import { NatsKvStore } from "../nats/kv_store.ts";
import type { Duration } from "../rules/duration.ts";
import { startRuntime } from "../runtime.ts";
import { Logger } from "../telemetry/log.ts";
import { setupMetrics } from "../telemetry/metrics.ts";
import { Outcomes } from "../telemetry/outcomes.ts";
import { setupTracing } from "../telemetry/tracing.ts";
import { findMessage, type FoundMessage } from "./find_message.ts";
import { registryOf } from "./modules.ts";
import { type SettledEntry, Settlements } from "./settlements.ts";
import { durationMs } from "./test_clock.ts";
import { untilSettled } from "./until_settled.ts";

/** What {@linkcode startTestRuntime} takes. */
export interface TestRuntimeOptions {
  /** The functions to run, by name. */
  readonly functions: Readonly<Record<string, FunctionDefinition>>;
  /** Events and streams that no function names, such as one that a test only publishes. */
  readonly schemas?: readonly unknown[];
  /** Environment variables, as in production; the test's own environment is not looked at. */
  readonly env?: Readonly<Record<string, string>>;
  /** A server to use and leave running. Default: one of its own, gone afterwards. */
  readonly server?: NatsServer;
}

/** What {@linkcode TestRuntime.publishAndSettle} takes besides. */
export interface SettleOptions {
  /** The event's id. Default: a random one. */
  readonly id?: string;
  /** Whether retries that are parked, since they are five seconds or more away, are waited for too. Default: false. */
  readonly waitForRetries?: boolean;
  /** How long to wait at the most. Default: ten seconds. */
  readonly timeout?: Duration;
}

/** An event, and what it caused. */
export interface SettledEvent {
  /** Its id. */
  readonly id: string;
  /** Where it is stored. */
  readonly stored: Stored;
  /** Every delivery of it and of all that it caused, in the order they were settled. */
  readonly settled: readonly SettledEntry[];
}

/** A runtime for a test, with a nats-server of its own. */
export interface TestRuntime extends AsyncDisposable {
  /** The ingress, such as `http://127.0.0.1:41234`. */
  readonly url: string;
  /** The admin listener. */
  readonly adminUrl: string;
  /** The server it runs on. */
  readonly server: NatsServer;
  /** Publishes an event as the ingress does, internal ones too. */
  publish<Event extends EventDefinition>(
    event: Event,
    data: z.input<Event["data"]>,
    options?: { readonly id?: string },
  ): Promise<Stored>;
  /**
   * Publishes an event and waits until it, and everything it caused, is settled: what functions emitted, and the
   * functions that woke, and their retries. A retry that is parked counts as settled for now.
   *
   * @throws {Error} when that takes too long, saying which function has what not settled, and why.
   */
  publishAndSettle<Event extends EventDefinition>(
    event: Event,
    data: z.input<Event["data"]>,
    options?: SettleOptions,
  ): Promise<SettledEvent>;
  /** Every delivery that was settled so far, in the order they were. */
  readonly settled: readonly SettledEntry[];
  /** Waits until an event of that type is in its stream, whoever published it. @throws {Error} after ten seconds. */
  waitForEvent<Event extends EventDefinition>(
    event: Event,
    where?: (data: z.input<Event["data"]>) => boolean,
  ): Promise<FoundMessage<z.input<Event["data"]>>>;
  /** Waits for a dead letter of that function. @throws {Error} after ten seconds. */
  waitForDeadLetter(functionName: string): Promise<FoundMessage>;
  /** A key-value bucket, as a function sees it. */
  kv<Value>(bucket: string): KvBucket<Value>;
  /** Stops the runtime as SIGTERM would, and then the server if it is its own. */
  stop(): Promise<void>;
}

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
    const outcomes = new Outcomes(), settlements = new Settlements(outcomes, running(registry, config));
    const watched = { ...registry, functions: registry.functions.map((fn) => settlements.watched(fn)) };
    const runtime = await startRuntime(config, watched, log, { metrics, outcomes });
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
      return await cluster.publisher.publish({ id, type: event.type, source: "/test", time, json });
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
