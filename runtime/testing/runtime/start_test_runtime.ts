import type { TestRuntime } from "./test_runtime.ts";
import type { TestRuntimeOptions } from "./test_runtime_options.ts";

/**
 * Runs functions on a nats-server. Each call starts a fresh server unless its options name one, so tests may run in
 * parallel.
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
  const { runFunctions } = await import("./run_functions.ts"); // loaded here: `invoke` needs no server
  return await runFunctions(options);
}
