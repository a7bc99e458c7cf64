import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../core/namespace.ts";
import { type Config, type NamedProject, namespaceOf } from "./config.ts";
import { UNSET_NATS_URL } from "./nats_variables.ts";
import { systemClock } from "../engine/system_clock.ts";
import { ConnectionMonitor } from "../nats/client/connection_monitor.ts";
import { NatsDialer, type Renewal } from "../nats/client/connection.ts";
import type { CredentialsListener } from "../nats/client/credentials.ts";
import type { NatsOptions } from "../nats/client/nats_options.ts";
import { domainPrefix, jetstreamManagerOn } from "../nats/client/subject_prefixes.ts";
import { withTimeout } from "../nats/client/with_timeout.ts";
import { EventPublisher } from "../nats/publish/event_publisher.ts";
import { JetStreamPublisher } from "../nats/publish/jetstream_publisher.ts";
import { LateDedup } from "../nats/publish/late_dedup.ts";
import { TracedPublisher } from "../telemetry/traced_publisher.ts";

/** A connection to NATS, and the clients that commands and the runtime use on it. */
export interface Cluster {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  /** The names in NATS of the project's namespace. */
  readonly names: Namespace;
  readonly monitor: ConnectionMonitor;
  readonly messages: JetStreamPublisher;
  readonly duplicates: LateDedup;
  readonly publisher: TracedPublisher;
  /** Publisher for callers that wait for the result: it fails early in an outage. */
  readonly failFastPublisher: TracedPublisher;
  /** Reads the credentials again. If they have changed and the server takes them, opens the connection anew. */
  renew(): Promise<Renewal>;
  /** Sends everything that is buffered, and disconnects after two seconds at the most. */
  close(): Promise<void>;
}

/** Longest time for draining the connection, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2_000;

export function natsOptions(config: Config): NatsOptions {
  return {
    servers: config.NATS_URL,
    unset: config.NATS_URL === UNSET_NATS_URL,
    name: config.OTEL_SERVICE_NAME,
    creds: config.NATS_CREDS,
    token: config.NATS_TOKEN,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    nkey: config.NATS_NKEY,
    files: config.files,
    apiPrefix: config.NATS_JS_DOMAIN ? domainPrefix(config.NATS_JS_DOMAIN) : config.NATS_JS_API_PREFIX,
    inboxPrefix: config.NATS_INBOX_PREFIX,
    ...((config.NATS_TLS_CA || config.NATS_TLS_CERT) && {
      tls: { ca: config.NATS_TLS_CA, cert: config.NATS_TLS_CERT, key: config.NATS_TLS_KEY },
    }),
  };
}

/**
 * Connects to the NATS of a configuration.
 *
 * @param project The project whose name marks what is created. Default: none, and nothing can be created.
 * @param listener Called when credentials are read again. Default: no call.
 * @throws {Error} with the address, the reason and what to do
 */
export async function connectCluster(
  config: Config,
  project?: NamedProject,
  listener?: CredentialsListener,
): Promise<Cluster> {
  const dialer = new NatsDialer(natsOptions(config), listener), nc = await dialer.connect();
  const monitor = new ConnectionMonitor(nc, systemClock, () => dialer.whyUnreachable());
  const messages = new JetStreamPublisher(nc, systemClock, monitor);
  const jsm = await jetstreamManagerOn(nc);
  const duplicates = new LateDedup(nc, jsm, systemClock);
  const names = namespaceOf(config, project);
  return {
    nc,
    jsm,
    names,
    monitor,
    messages,
    duplicates,
    publisher: new TracedPublisher(new EventPublisher(messages, jsm, duplicates, false, names)),
    failFastPublisher: new TracedPublisher(new EventPublisher(messages.failFast, jsm, duplicates, true, names)),
    renew: () => dialer.renew(nc),
    close: async () => {
      messages.close();
      // A connection that is down cannot be drained, and the client may wait for that without end: JetStream redelivers
      // what it still holds.
      await withTimeout(systemClock, CLOSE_TIMEOUT_MS, nc.drain()).catch(() => nc.close());
      await monitor.closed;
    },
  };
}

/** Runs a function with a connection of its own, and closes the connection afterwards. */
export async function withCluster<Result>(
  config: Config,
  run: (cluster: Cluster) => Promise<Result>,
  project?: NamedProject,
): Promise<Result> {
  const cluster = await connectCluster(config, project);
  try {
    return await run(cluster);
  } finally {
    await cluster.close();
  }
}
