import type { FunctionDefinition } from "../../api/define_function.ts";
import type { Duration } from "../../core/duration.ts";
import type { PublishResult } from "../../engine/publisher.ts";
import type { NatsServer } from "../../nats_server/server.ts";
import type { ResourceFake } from "../fake_resource.ts";
import type { SettledEntry } from "./settlements.ts";

/** Options of `startTestRuntime`. */
export interface TestRuntimeOptions {
  /** The functions to run, by name. */
  readonly functions: Readonly<Record<string, FunctionDefinition>>;
  /** Events and streams that no function names, such as an event that only the test publishes. */
  readonly schemas?: readonly unknown[];
  /** Environment variables, as in production. The variables of the test's own process are not read. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Values that replace resources, from `fakeResource`. All other resources are opened: those that a function in
   * `functions/` exports or imports, and those in the `needs` of any function.
   *
   * @default none
   */
  readonly resources?: readonly ResourceFake[];
  /**
   * A server to use and leave running.
   *
   * @default a fresh server, which stops with the runtime
   */
  readonly server?: NatsServer;
}

/** Options of `TestRuntime.publishAndSettle`. */
export interface SettleOptions {
  /**
   * The event's id.
   *
   * @default a random UUID
   */
  readonly id?: string;
  /**
   * Whether to wait for delayed retries and delayed events too. A retry is delayed if it is due in five seconds or
   * more.
   *
   * @default false
   */
  readonly waitForRetries?: boolean;
  /**
   * The longest time to wait.
   *
   * @default "10s"
   */
  readonly timeout?: Duration;
}

/** An event that was published, and the deliveries that followed from it. */
export interface SettledEvent {
  /** The event's id. */
  readonly id: string;
  /** The answer of JetStream to the publish. */
  readonly stored: PublishResult;
  /** Every delivery of the event and of the events that it caused, in the order they were settled. */
  readonly settled: readonly SettledEntry[];
}
