import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Config, UNSET_NATS_URL } from "./config.ts";
import { steadyClock, systemClock } from "../engine/system_clock.ts";
import { Problem } from "../http/problem.ts";
import { ConnectionMonitor } from "../nats/client/connection_monitor.ts";
import { connectNats, type NatsOptions } from "../nats/client/connection.ts";
import { isUnavailable } from "../nats/client/is_unavailable.ts";
import { EventPublisher } from "../nats/publish/event_publisher.ts";
import { JetStreamPublisher } from "../nats/publish/jetstream_publisher.ts";
import { LateDedup } from "../nats/publish/late_dedup.ts";
import { PublishError } from "../nats/publish/publish_error.ts";
import { TracedPublisher } from "../telemetry/traced_publisher.ts";

/** A connection to NATS and what every command does with it. */
export interface Cluster {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly monitor: ConnectionMonitor;
  readonly messages: JetStreamPublisher;
  readonly duplicates: LateDedup;
  readonly publisher: TracedPublisher;
  /** The same for callers that wait for the answer: in an outage they have one soon. */
  readonly failFastPublisher: TracedPublisher;
  /** Sends what is buffered and disconnects; two seconds at the most. */
  close(): Promise<void>;
}

const CLOSE_MS = 2_000;

/** Where the NATS of a configuration is and how to be let in. */
export function natsOptions(config: Config): NatsOptions {
  return {
    servers: config.NATS_URL,
    unset: config.NATS_URL === UNSET_NATS_URL,
    name: config.OTEL_SERVICE_NAME,
    creds: config.NATS_CREDS,
    token: config.NATS_TOKEN,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    ...((config.NATS_TLS_CA || config.NATS_TLS_CERT) && {
      tls: { ca: config.NATS_TLS_CA, cert: config.NATS_TLS_CERT, key: config.NATS_TLS_KEY },
    }),
  };
}

/** Connects to the NATS of a configuration. @throws {Error} saying where, why and what to do. */
export async function connectCluster(config: Config): Promise<Cluster> {
  const nc = await connectNats(natsOptions(config));
  const monitor = new ConnectionMonitor(nc, steadyClock);
  const messages = new JetStreamPublisher(nc, steadyClock, monitor);
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const duplicates = new LateDedup(nc, jsm, systemClock);
  return {
    nc,
    jsm,
    monitor,
    messages,
    duplicates,
    publisher: new TracedPublisher(new EventPublisher(messages, jsm, duplicates)),
    failFastPublisher: new TracedPublisher(new EventPublisher(messages.failFast, jsm, duplicates)),
    close: async () => {
      messages.close();
      // A connection that is down has nobody to drain to: what it still holds JetStream delivers again.
      const cancel = systemClock.timer(CLOSE_MS, () => void nc.close());
      await nc.drain().catch(() => nc.close());
      cancel();
      await monitor.closed;
    },
  };
}

/** Runs with a connection of its own, and closes it in the end. */
export async function withCluster<Result>(config: Config, run: (cluster: Cluster) => Promise<Result>): Promise<Result> {
  const cluster = await connectCluster(config);
  try {
    return await run(cluster);
  } finally {
    await cluster.close();
  }
}

/** How soon a caller may try again: what passes by itself soon, what somebody must see to later. */
const SOON = { headers: { "retry-after": "5" } }, LATER = { headers: { "retry-after": "30" } };

/** What a failure to store means to somebody who posted an event. */
export function storeProblem(error: unknown): Problem | undefined {
  if (!(error instanceof PublishError)) return undefined;
  const { code, message } = error;
  switch (code) {
    case "too-large":
      return new Problem(413, "Content Too Large", message);
    case "id-taken":
      return new Problem(422, "Idempotency key reused", message);
    case "unavailable":
      return new Problem(503, "Service Unavailable", `${message}; send it again with the same id`, SOON);
    // None of these is the caller's doing, not even a permission that is missing: it is this service's.
    case "full":
    case "no-stream":
    case "denied":
    case "refused":
      return new Problem(503, "Service Unavailable", `the event was not stored: ${message}`, LATER);
  }
}

/**
 * What a failure of NATS means to somebody who asked for what is in its streams; undefined for any other error.
 *
 * @param outage what is known to be wrong with the connection
 */
export function awayProblem(error: Error, outage: string | undefined): Problem | undefined {
  const known = storeProblem(error);
  if (known) return known;
  if (!isUnavailable(error) && outage === undefined) return undefined;
  return new Problem(503, "Service Unavailable", `NATS does not answer: ${outage ?? error.message}; ask again`, SOON);
}
