import { provideValues } from "../../api/provided_values.ts";
import { connectCluster } from "../../app/cluster.ts";
import { readConfig } from "../../app/config.ts";
import { selectFunctions } from "../../app/select_functions.ts";
import { startRuntime } from "../../app/runtime.ts";
import { startServer } from "../../nats_server/server.ts";
import { Logger } from "../../telemetry/otel/logs/logger.ts";
import { setupMetrics } from "../../telemetry/metrics.ts";
import { OutcomeEmitter } from "../../telemetry/outcome_emitter.ts";
import { setupTracing } from "../../telemetry/setup_tracing.ts";
import { fakesOf } from "../fake_resource.ts";
import { definitionsOf, registryOf } from "../test_registry.ts";
import { testVariables } from "../test_values.ts";
import { Settlements } from "./settlements.ts";
import { TestRuntime } from "./test_runtime.ts";
import type { TestRuntimeOptions } from "./test_runtime_options.ts";

const DEFAULTS = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_LEVEL: "error", LOG_FORMAT: "pretty" };

/** Starts a nats-server, unless the options name one, and a runtime on it. */
export async function runFunctions(options: TestRuntimeOptions): Promise<TestRuntime> {
  const functions = { ...options.functions };
  const registry = registryOf(functions, options.schemas, await definitionsOf(functions));
  await using started = new AsyncDisposableStack();
  const server = options.server ?? started.use(await startServer());
  const env: Record<string, string> = { ...DEFAULTS, NATS_URL: server.url, ...options.env };
  const config = readConfig({ get: (name) => env[name], readFile: (path) => Deno.readTextFileSync(path) });
  started.defer(provideValues(testVariables(env)));
  await setupTracing((name) => env[name], config.OTEL_SERVICE_NAME); // of the process: it outlasts this runtime
  const log = new Logger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const metrics = await setupMetrics((name) => env[name], config.OTEL_SERVICE_NAME);
  started.defer(() => metrics.shutdown());
  const cluster = await connectCluster(config, registry); // open until the runtime has stopped: its handlers may use it
  started.defer(() => cluster.close());
  const outcomes = new OutcomeEmitter(), settlements = new Settlements(outcomes, selectFunctions(config, registry));
  // `deno test` would check the types of the watchdog's thread at each start, which takes seconds.
  const given = { metrics, outcomes, watchdog: false, fakes: fakesOf(options.resources) };
  const runtime = await startRuntime(config, registry, log, given);
  started.defer(() => runtime.stop());
  const sharedServer = options.server !== undefined, services = started.move();
  return new TestRuntime({ runtime, server, sharedServer, registry, cluster, settlements, services });
}
