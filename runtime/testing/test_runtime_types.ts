import type { z } from "zod";
import type { KvBucket } from "../api/context.ts";
import type { EventDefinition } from "../api/define_event.ts";
import type { FunctionDefinition } from "../api/define_function.ts";
import type { NatsServer } from "../nats_server/server.ts";
import type { PublishResult } from "../engine/publisher.ts";
import type { Duration } from "../core/duration.ts";
import type { FoundMessage } from "./find_message.ts";
import type { SettledEntry } from "./settlements.ts";

/**
 * What {@linkcode startTestRuntime} takes.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent, defineFunction } from "weir";
 * import { startTestRuntime, type TestRuntimeOptions } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
 * const greet = defineFunction({ on: Asked }, () => {});
 *
 * const options: TestRuntimeOptions = { functions: { greet }, env: { LOG_LEVEL: "warn", WEIR_FUNCTIONS: "greet" } };
 *
 * await using runtime = await startTestRuntime(options);
 * const { settled } = await runtime.publishAndSettle(Asked, { name: "Ada" });
 * assert.equal(settled.length, 1);
 * ```
 */
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

/**
 * What {@linkcode TestRuntime.publishAndSettle} takes besides.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent, defineFunction } from "weir";
 * import { type SettleOptions, startTestRuntime } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
 * const greet = defineFunction({ on: Asked }, () => {});
 *
 * const patient: SettleOptions = { id: "a1", waitForRetries: true, timeout: "1m" };
 *
 * await using runtime = await startTestRuntime({ functions: { greet } });
 * const { id } = await runtime.publishAndSettle(Asked, { name: "Ada" }, patient);
 * assert.equal(id, "a1");
 * ```
 */
export interface SettleOptions {
  /** The event's id. Default: a random one. */
  readonly id?: string;
  /** Whether delayed retries, five seconds or more away, are waited for too. Default: false. */
  readonly waitForRetries?: boolean;
  /** How long to wait at the most. Default: ten seconds. */
  readonly timeout?: Duration;
}

/**
 * An event, and what it caused.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent, defineFunction } from "weir";
 * import { type SettledEvent, startTestRuntime } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
 * const greet = defineFunction({ on: Asked }, () => {});
 *
 * const handlers = ({ settled }: SettledEvent) => settled.map((entry) => entry.function);
 *
 * await using runtime = await startTestRuntime({ functions: { greet } });
 * assert.deepEqual(handlers(await runtime.publishAndSettle(Asked, { name: "Ada" })), ["greet"]);
 * ```
 */
export interface SettledEvent {
  /** Its id. */
  readonly id: string;
  /** Where it is stored. */
  readonly stored: PublishResult;
  /** Every delivery of it and of all that it caused, in the order they were settled. */
  readonly settled: readonly SettledEntry[];
}

/**
 * A runtime for a test, with a nats-server of its own.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent, defineFunction } from "weir";
 * import { startTestRuntime, type TestRuntime } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
 * const greet = defineFunction({ on: Asked }, () => {});
 *
 * async function answers({ adminUrl }: TestRuntime): Promise<boolean> {
 *   const response = await fetch(`${adminUrl}/health`);
 *   await response.body?.cancel();
 *   return response.ok;
 * }
 *
 * await using runtime = await startTestRuntime({ functions: { greet } });
 * assert.ok(await answers(runtime));
 * ```
 */
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
  ): Promise<PublishResult>;
  /**
   * Publishes an event and waits until it, and everything it caused, is settled: what functions emitted, and the
   * functions that woke, and their retries. A delayed retry counts as settled for now.
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
