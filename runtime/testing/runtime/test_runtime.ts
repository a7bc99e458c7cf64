import type { z } from "zod";
import type { KvBucket } from "../../api/context.ts";
import type { EventDefinition } from "../../api/define_event.ts";
import type { FunctionDefinition } from "../../api/define_function.ts";
import type { NatsServer } from "../../nats_server/server.ts";
import type { PublishResult } from "../../engine/publisher.ts";
import type { Duration } from "../../core/duration.ts";
import type { FoundMessage } from "./find_message.ts";
import type { SettledEntry } from "./settlements.ts";

/** Options of {@linkcode startTestRuntime}. */
export interface TestRuntimeOptions {
  /** The functions to run, by name. */
  readonly functions: Readonly<Record<string, FunctionDefinition>>;
  /** Events and streams that no function names, such as an event that only the test publishes. */
  readonly schemas?: readonly unknown[];
  /** Environment variables, as in production. The variables of the test's own process are not read. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * A server to use and leave running.
   *
   * @default a fresh server, which stops with the runtime
   */
  readonly server?: NatsServer;
}

/** Options of {@linkcode TestRuntime.publishAndSettle}. */
export interface SettleOptions {
  /**
   * The event's id.
   *
   * @default a random UUID
   */
  readonly id?: string;
  /**
   * Whether to wait for delayed retries too: those that are due in five seconds or more.
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

/** A Weir runtime for a test, on a real nats-server. */
export interface TestRuntime extends AsyncDisposable {
  /** The URL of the ingress, such as `http://127.0.0.1:41234`. */
  readonly url: string;
  /** The URL of the admin listener. */
  readonly adminUrl: string;
  /** The nats-server. */
  readonly server: NatsServer;
  /** Publishes an event as the ingress does. An internal event may be published too. */
  publish<Event extends EventDefinition>(
    event: Event,
    data: z.input<Event["data"]>,
    options?: { readonly id?: string },
  ): Promise<PublishResult>;
  /**
   * Publishes an event and waits until it, and every event it caused, is settled. A delayed retry counts as settled
   * unless `waitForRetries` is set.
   *
   * @throws {Error} at the timeout, with the deliveries that are not settled.
   */
  publishAndSettle<Event extends EventDefinition>(
    event: Event,
    data: z.input<Event["data"]>,
    options?: SettleOptions,
  ): Promise<SettledEvent>;
  /** Every delivery that was settled since the start, in order. */
  readonly settled: readonly SettledEntry[];
  /** Waits until an event of a type is in its stream, from any publisher. @throws {Error} after ten seconds. */
  waitForEvent<Event extends EventDefinition>(
    event: Event,
    where?: (data: z.input<Event["data"]>) => boolean,
  ): Promise<FoundMessage<z.input<Event["data"]>>>;
  /** Waits for a dead letter of a function. @throws {Error} after ten seconds. */
  waitForDeadLetter(functionName: string): Promise<FoundMessage>;
  /** Opens a key-value bucket, as `ctx.kv` does. */
  kv<Value>(bucket: string): KvBucket<Value>;
  /** Stops the runtime as SIGTERM would, and then the server that it started. */
  stop(): Promise<void>;
}
