/** Weir with all features: validation, retries, breaker, timeout, metrics, and the tracing that `OTEL_*` configures. */
import { defineEvent, defineFunction, type HandlerContext } from "weir";
import { z } from "zod";
import { readConfig } from "../../../runtime/app/config.ts";
import { startRuntime } from "../../../runtime/app/runtime.ts";
import { droppedCount } from "../../../runtime/telemetry/otel/export/dropped_items.ts";
import { Logger } from "../../../runtime/telemetry/otel/logs/logger.ts";
import { setupTracing } from "../../../runtime/telemetry/setup_tracing.ts";
import { registryOf } from "../../../runtime/testing/test_registry.ts";
import { EMITTED_SUBJECT, numberOf, type Order, SUBJECT } from "../order.ts";
import { OrderSchema } from "../order_schema.ts";

import { compete } from "./harness.ts";

const Ordered = defineEvent({ type: SUBJECT, version: 1, data: OrderSchema });
const Emitted = defineEvent({
  type: EMITTED_SUBJECT,
  version: 1,
  data: z.object({ orderId: z.string(), units: z.int() }),
});

const by = ({ data }: { readonly data: Order }) => `customer ${numberOf(data.orderId) % 1_000}`;
/** The option `concurrency` of each feature. */
const CONCURRENCY = {
  keys: { limit: 16, perKey: 2, by },
  adaptive: { min: 15, max: 16, target: "50ms" },
} as const;

await compete(async ({ url, functions, handler, concurrency, feature }, handlerFor) => {
  const env: Record<string, string> = { NATS_URL: url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
  const config = readConfig({ get: (variable) => env[variable], readFile: () => "" });
  const tracing = await setupTracing((name) => Deno.env.get(name), "weir");
  const definitions = functions.map((name, fn) => {
    const handle = handlerFor<HandlerContext<readonly (typeof Emitted)[]>>(
      fn,
      (receipt, ctx) => ctx.emit(Emitted, receipt),
    );
    const options = {
      on: Ordered,
      emits: handler === "emit" ? [Emitted] : [],
      ...(concurrency !== undefined && { concurrency }),
      ...(feature && { concurrency: CONCURRENCY[feature] }),
    } as const;
    return [name, defineFunction(options, ({ data }, ctx) => handle(data, ctx))] as const;
  });
  const log = new Logger({ level: "warn", format: "json" });
  const runtime = await startRuntime(config, registryOf(Object.fromEntries(definitions)), log);
  return async () => {
    await runtime.stop();
    await tracing.shutdown();
    return { spansDropped: droppedCount("traces") };
  };
});
