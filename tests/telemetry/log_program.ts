/** Logs inside and outside of a span, then shuts down. */
import { trace } from "@opentelemetry/api";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { setupLog } from "../../runtime/telemetry/setup_log.ts";
import { setupTracing } from "../../runtime/telemetry/setup_tracing.ts";

const tracing = await setupTracing((name) => Deno.env.get(name), "log-program");
const { log, shutdown } = await setupLog({
  level: "info",
  format: "json",
  environment: Deno.env.toObject(),
  readFile: () => undefined,
  serviceName: "log-program",
  clock: systemClock,
});
log.info("outside", { items: [1, { sku: "book" }], none: undefined });
trace.getTracer("test").startActiveSpan("inside", (span) => {
  log.child({ function: "reserve", attempt: 2 }).error("refused hunter22", { error: new Error("hunter22 is wrong") });
  span.end();
});
log.debug("not written");
for (let n = 0; n < 60; n++) log.warn("repeated");
await tracing.shutdown();
await shutdown();
