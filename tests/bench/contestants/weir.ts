/** Weir with all features: validation, retries, breaker, timeout, metrics, and the tracing that `OTEL_*` configures. */
import { defineFunction, every, type FunctionDefinition, type HandlerContext } from "weir";
import { readConfig } from "../../../runtime/app/config.ts";
import { startRuntime } from "../../../runtime/app/runtime.ts";
import { droppedCount } from "../../../runtime/telemetry/otel/export/dropped_items.ts";
import { Logger } from "../../../runtime/telemetry/otel/logs/logger.ts";
import { setupTracing } from "../../../runtime/telemetry/setup_tracing.ts";
import { registryOf } from "../../../runtime/testing/test_registry.ts";
import { FEATURES } from "./features.ts";
import { compete, type HandlerFor } from "./harness.ts";
import type { Task } from "./task.ts";
import { Emitted, Ordered } from "./weir_events.ts";

await compete(async (task, handlerFor) => {
  const { url, functions, feature } = task;
  const env: Record<string, string> = { NATS_URL: url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
  const config = readConfig({ get: (variable) => env[variable], readFile: () => "" });
  const tracing = await setupTracing((name) => Deno.env.get(name), "weir");
  const definitions = Object.fromEntries(functions.map((name, fn) => [name, definitionOf(task, fn, handlerFor)]));
  if (feature && FEATURES[feature].schedule) {
    definitions[`${functions[0]}_scheduled`] = defineFunction({ on: every("1h") }, () => {});
  }
  const log = new Logger({ level: "warn", format: "json" });
  const runtime = await startRuntime(config, registryOf(definitions), log);
  return async () => {
    await runtime.stop();
    await tracing.shutdown();
    return { spansDropped: droppedCount("traces") };
  };
});

function definitionOf(
  { handler, concurrency, feature }: Task,
  fn: number,
  handlerFor: HandlerFor,
): FunctionDefinition {
  const { options: own, batch, emit } = feature ? FEATURES[feature] : {};
  const options = {
    on: Ordered,
    emits: handler === "emit" ? [Emitted] : [],
    ...(concurrency !== undefined && { concurrency }),
    ...own,
  } as const;
  if (batch) {
    const handle = handlerFor(fn, () => {});
    return defineFunction({ ...options, batch }, async (events) => {
      for (const { data } of events) {
        const handling = handle(data, undefined);
        if (handling) await handling;
      }
    });
  }
  const handle = handlerFor<HandlerContext<readonly (typeof Emitted)[]>>(
    fn,
    (receipt, ctx) => ctx.emit(Emitted, receipt, emit),
  );
  return defineFunction(options, ({ data }, ctx) => handle(data, ctx));
}
