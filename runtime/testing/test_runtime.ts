import { jetstream } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";
import type { z } from "zod";
import type { KvBucket } from "../authoring/context.ts";
import type { EventDefinition } from "../authoring/define_event.ts";
import type { FunctionDefinition } from "../authoring/define_function.ts";
import type { Registry } from "../authoring/registry.ts";
import { type NatsServer, startServer } from "../broker/server.ts";
import { connectCluster } from "../cluster.ts";
import { readConfig } from "../config.ts";
import type { Stored } from "../flow/ports.ts";
import { DEAD_LETTERS } from "../nats/dead_letters.ts";
import { NatsKvStore } from "../nats/kv_store.ts";
import { startRuntime } from "../runtime.ts";
import { Logger } from "../telemetry/log.ts";
import { setupMetrics } from "../telemetry/metrics.ts";
import { setupTracing } from "../telemetry/tracing.ts";
import { registryOf } from "./modules.ts";

/** What {@linkcode startTestRuntime} takes. */
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

/** A message found in a stream. */
export interface FoundMessage<Data = unknown> {
  /** The subject it was stored under. */
  readonly subject: string;
  /** Its payload as JSON, or as text when it is not JSON. */
  readonly data: Data;
  /** Header values by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A runtime for a test, with a nats-server of its own. */
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
  ): Promise<Stored>;
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

const WAIT_MS = 10_000;
const DEFAULTS = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_LEVEL: "error", LOG_FORMAT: "pretty" };

/**
 * Runs real functions on a real nats-server that it starts, each time a fresh one, so that tests may run at once.
 *
 * @throws {StartupProblems} when the functions could not start.
 */
export async function startTestRuntime(options: TestRuntimeOptions): Promise<TestRuntime> {
  const registry: Registry = registryOf({ ...options.functions }, options.schemas);
  const server = options.server ?? await startServer();
  const release = () => options.server ? Promise.resolve() : server.stop();
  try {
    const env: Record<string, string> = { ...DEFAULTS, NATS_URL: server.url, ...options.env };
    const config = readConfig({ get: (name) => env[name], readFile: (path) => Deno.readTextFileSync(path) });
    await setupTracing((name) => env[name], config.OTEL_SERVICE_NAME);
    const log = new Logger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
    const metrics = await setupMetrics((name) => env[name], config.OTEL_SERVICE_NAME);
    const runtime = await startRuntime(config, registry, log, { metrics });
    const cluster = await connectCluster(config);
    const kv = new NatsKvStore(cluster.nc, 1);
    let stopping: Promise<void> | undefined;
    const stop = () =>
      stopping ??= (async () => {
        await runtime.stop();
        await metrics.shutdown();
        await cluster.close();
        await release();
      })();
    const find = async (subject: string, matches: (found: FoundMessage) => boolean) => {
      const stream = await cluster.jsm.streams.find(subject.replace(/>$/, "any"));
      const consumer = await jetstream(cluster.nc).consumers.get(stream, { filter_subjects: subject });
      const messages = await consumer.consume();
      const timer = setTimeout(() => messages.stop(), WAIT_MS);
      try {
        for await (const message of messages) {
          const found = read(message);
          if (matches(found)) return found;
        }
        throw new Error(`no such message on "${subject}" within ${WAIT_MS} ms`);
      } finally {
        clearTimeout(timer);
        await messages.close();
      }
    };
    return {
      url: runtime.url,
      adminUrl: runtime.adminUrl,
      server,
      publish: (event, data, { id = crypto.randomUUID() } = {}) =>
        cluster.publisher.publish({
          id,
          type: event.type,
          source: "/test",
          time: new Date().toISOString(),
          json: JSON.stringify(data),
        }),
      waitForEvent: (event, where = () => true) =>
        // deno-lint-ignore no-explicit-any -- what is on the wire is what the schema takes
        find(event.type, ({ data }) => where(data as any)) as Promise<FoundMessage<any>>,
      waitForDeadLetter: (functionName) => find(`${DEAD_LETTERS.prefix}.${functionName}.>`, () => true),
      kv: (bucket) => kv.bucket(bucket),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

function read(message: Pick<Msg, "subject" | "headers" | "data">): FoundMessage {
  const headers = [...message.headers ?? []].map(([name, values]) => [name.toLowerCase(), values[0]]);
  const text = new TextDecoder().decode(message.data);
  let data: unknown = text;
  try {
    data = JSON.parse(text);
  } catch {
    // not JSON: the text as it is
  }
  return { subject: message.subject, data, headers: Object.fromEntries(headers) };
}
