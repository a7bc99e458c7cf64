import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, type ServerOptions, startServer } from "../../runtime/nats_server/server.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";

/** A nats-server for one test and a connection to it. `await using` ends both. */
export interface Broker extends AsyncDisposable {
  readonly server: NatsServer;
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  /** Opens one more connection, which ends with the server. */
  connect(url?: string): Promise<NatsConnection>;
  /** Adds a callback that runs before the connections are closed, in reverse order. */
  defer(end: () => unknown): void;
}

/** Starts a server with an empty store, and connects to it. */
export async function startBroker(options: ServerOptions = {}): Promise<Broker> {
  const server = await startServer(options);
  const ends: (() => unknown)[] = [() => server.stop()];
  const end = async () => {
    for (const step of ends.splice(0).reverse()) await step();
  };
  const connect = async (url = server.url) => {
    const nc = await connectNats({ servers: [url], name: "test" });
    ends.push(() => nc.close());
    return nc;
  };
  try {
    const nc = await connect();
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    return { server, nc, jsm, connect, defer: (step) => void ends.push(step), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
