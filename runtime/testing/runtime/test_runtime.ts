import type { z } from "zod";
import type { KvBucket } from "../../api/context.ts";
import { type EventDefinition, payloadText } from "../../api/define_event.ts";
import type { Cluster } from "../../app/cluster.ts";
import { publishAsync, type PublishResult } from "../../engine/publisher.ts";
import { NatsKvStore } from "../../nats/kv/nats_kv_store.ts";
import type { NatsServer } from "../../nats_server/server.ts";
import type { Registry } from "../../project/registry.ts";
import { oneOf } from "../../project/startup_problems.ts";
import { durationMs } from "../test_clock.ts";
import type { SettledEvent, SettleOptions } from "./test_runtime_options.ts";
import { findMessage, type FoundMessage } from "./find_message.ts";
import { type SettledEntry, type Settlements, untilSettled } from "./settlements.ts";

const TIMEOUT = "10s";

/** Everything that `startTestRuntime` starts. */
interface Parts {
  readonly runtime: { readonly url: string; readonly adminUrl: string };
  readonly server: NatsServer;
  readonly sharedServer: boolean;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly settlements: Settlements;
  /** Disposing of it stops everything. */
  readonly services: AsyncDisposableStack;
}

/**
 * A Weir runtime for a test, on a real nats-server.
 *
 * @example
 * ```ts
 * import { defineEvent, defineFunction, NonRetryableError } from "weir";
 * import { startTestRuntime } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.unknown() });
 * const refuse = defineFunction({ on: Asked }, () => Promise.reject(new NonRetryableError("never")));
 *
 * await using runtime = await startTestRuntime({ functions: { refuse } });
 * await runtime.publish(Asked, null);
 * await runtime.waitForDeadLetter("refuse");
 * ```
 */
export class TestRuntime implements AsyncDisposable {
  /** The URL of the ingress, such as `http://127.0.0.1:41234`. */
  readonly url: string;
  /** The URL of the admin listener. */
  readonly adminUrl: string;
  /** The nats-server. */
  readonly server: NatsServer;
  /** Every delivery that was settled since the start, in order. */
  readonly settled: readonly SettledEntry[];
  readonly #parts: Parts;
  readonly #kv: NatsKvStore;
  #stopping: Promise<void> | undefined;

  /** Called by `startTestRuntime`. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.url = parts.runtime.url;
    this.adminUrl = parts.runtime.adminUrl;
    this.server = parts.server;
    this.settled = parts.settlements.entries;
    this.#kv = new NatsKvStore(parts.cluster.nc, 1, parts.cluster.names);
  }

  /** Publishes an event as the ingress does. An internal event may be published too. */
  async publish<Event extends EventDefinition>(
    definition: Event,
    data: z.input<Event["data"]>,
    { id = crypto.randomUUID() }: { readonly id?: string } = {},
  ): Promise<PublishResult> {
    const { registry, cluster } = this.#parts, { type, version } = definition;
    if (this.#stopping) throw new Error(`publish ${type}: this test runtime was stopped`);
    checkKnown(type, registry);
    const json = payloadText(definition, data, `publish ${type}`);
    if (id === "") throw new TypeError(`publish ${type}: the id must not be empty; omit it for a random one`);
    const event = { id, type, source: "/test", time: new Date().toISOString(), json, version };
    return await publishAsync(cluster.publisher, event);
  }

  /**
   * Publishes an event and waits until it, and every event it caused, is settled. A delayed retry counts as settled
   * unless `waitForRetries` is set.
   *
   * @throws {Error} at the timeout, with the deliveries that are not settled.
   */
  async publishAndSettle<Event extends EventDefinition>(
    event: Event,
    data: z.input<Event["data"]>,
    { id = crypto.randomUUID(), waitForRetries = false, timeout = TIMEOUT }: SettleOptions = {},
  ): Promise<SettledEvent> {
    const timeoutMs = durationMs(timeout), stored = await this.publish(event, data, { id });
    const awaited = { subject: event.type, id, waitForRetries, timeoutMs };
    return { id, stored, settled: await untilSettled(this.#parts.settlements, awaited) };
  }

  /** Waits until an event of a type is in its stream, from any publisher. @throws {Error} after ten seconds. */
  async waitForEvent<Event extends EventDefinition>(
    { type }: Event,
    where: (data: z.input<Event["data"]>) => boolean = () => true,
  ): Promise<FoundMessage<z.input<Event["data"]>>> {
    const { registry, cluster } = this.#parts;
    checkKnown(type, registry);
    const found = await findMessage(cluster, type, ({ data }) => where(data as z.input<Event["data"]>));
    return found as FoundMessage<z.input<Event["data"]>>;
  }

  /** Waits for a dead letter of a function. @throws {Error} after ten seconds. */
  async waitForDeadLetter(functionName: string): Promise<FoundMessage> {
    const { registry, cluster, sharedServer } = this.#parts;
    const names = registry.functions.map(({ name }) => name);
    // Other functions may have left dead letters on a server that the caller shares.
    if (!sharedServer && !names.includes(functionName)) {
      throw new TypeError(`no function here is called "${functionName}"; there are: ${oneOf(names)}`);
    }
    return await findMessage(cluster, `dead_letters.${functionName}.>`, () => true);
  }

  /** Opens a key-value bucket, as `ctx.kv` does. */
  kv<Value>(bucket: string): KvBucket<Value> {
    return this.#kv.bucket(bucket);
  }

  /** Stops the runtime as SIGTERM would, and then the server that it started. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#parts.services.disposeAsync();
  }

  /** Calls {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Refuses an event that no stream may store. @throws {TypeError} */
function checkKnown(type: string, { events }: Registry): void {
  if (events.has(type)) return;
  throw new TypeError(`no function here names "${type}": give startTestRuntime the event in \`schemas\``);
}
