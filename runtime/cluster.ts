import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Config } from "./config.ts";
import { systemClock } from "./clock.ts";
import { Problem } from "./http/problem.ts";
import { connectNats, type NatsOptions } from "./nats/connection.ts";
import { EventPublisher } from "./nats/event_publisher.ts";
import { JetStreamStore, StoreError } from "./nats/jetstream_store.ts";
import { TracedPublisher } from "./telemetry/traced_publisher.ts";

/** A connection to NATS and what every command does with it. */
export interface Cluster {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly store: JetStreamStore;
  readonly publisher: TracedPublisher;
  /** Sends what is buffered and disconnects; two seconds at the most. */
  close(): Promise<void>;
}

const CLOSE_MS = 2_000;

/** Where the NATS of a configuration is and how to be let in. */
export function natsOptions(config: Config): NatsOptions {
  return {
    servers: config.NATS_URL,
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
  const store = new JetStreamStore(nc, systemClock);
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  return {
    nc,
    jsm,
    store,
    publisher: new TracedPublisher(new EventPublisher(store, jsm)),
    close: async () => {
      store.close();
      // A connection that is down has nobody to drain to: what it still holds JetStream delivers again.
      const cancel = systemClock.timer(CLOSE_MS, () => void nc.close());
      await nc.drain().catch(() => nc.close());
      cancel();
    },
  };
}

/** What a failure to store means to somebody who posted an event. */
export function storeProblem(error: unknown): Problem | undefined {
  if (!(error instanceof StoreError)) return undefined;
  switch (error.problem) {
    case "too-large":
      return new Problem(413, "Content Too Large", error.message);
    case "id-taken":
      return new Problem(422, "Idempotency key reused", error.message);
    case "unavailable":
    case "refused":
      return new Problem(503, "Service Unavailable", `the event was not stored: ${error.message}`, {
        headers: { "retry-after": "5" },
      });
  }
}
