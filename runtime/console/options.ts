import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { EventDefinition } from "../api/define_event.ts";
import type { Namespace } from "../core/namespace.ts";
import type { ServerClock } from "../engine/clock.ts";
import type { Dispatcher } from "../engine/dispatcher.ts";
import type { Publisher } from "../engine/publisher.ts";
import type { RuntimeIdentity } from "../http/admin/runtime_identity.ts";
import type { Problem } from "../http/problem.ts";
import type { ConnectionMonitor } from "../nats/client/connection_monitor.ts";
import type { DeadLetterService } from "../nats/dead_letters/service.ts";
import type { SettledDeliveries } from "../nats/inspect/tail_server.ts";
import type { RetryService } from "../nats/retry/service.ts";
import type { Registry } from "../project/registry.ts";

/** The project that the console shows, and the parts of a runtime that it reads and operates. */
export interface ConsoleOptions {
  readonly mode: "on" | "read-only";
  /** True in `dev`: journeys are kept, and a dead letter may be redriven with other data. */
  readonly dev: boolean;
  /** Key that callers must send. Default: none. */
  readonly key?: string;
  /** Whether other machines may reach the listener. */
  readonly exposed: boolean;
  /** Template of the address of a trace in the tracing backend, with `{traceId}`. Default: none. */
  readonly traceUrl?: string;
  readonly identity: RuntimeIdentity;
  readonly registry: Registry;
  readonly cluster: {
    readonly nc: NatsConnection;
    readonly jsm: JetStreamManager;
    readonly names: Namespace;
    readonly monitor: Pick<ConnectionMonitor, "problem">;
  };
  /** Dispatchers of the functions that this process runs. */
  readonly dispatchers: readonly Dispatcher[];
  readonly outcomes: SettledDeliveries;
  readonly clock: ServerClock;
  readonly deadLetters: DeadLetterService;
  readonly retries: Pick<RetryService, "list">;
  readonly publisher: Publisher;
  /** Returns sample data of an event. Default: there are no samples. */
  readonly sample?: (event: EventDefinition, seed: number) => Promise<unknown>;
  readonly redact: (text: string) => string;
  readonly problemOf: (error: unknown) => Problem;
  /** Whether the ingress asks for a key. */
  readonly needsKey: boolean;
  /** Returns the address of the public listener. */
  readonly publicUrl: () => string;
}
