import {
  type Auth,
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type Server,
  type TlsOptions,
  wsconnect,
  type WsConnectionOptions,
} from "@nats-io/transport-node";
import { asCredsFile, type Identity, seedIn } from "./credentials.ts";
import { ownTransport } from "./internals.ts";
import { dialBegins, dialEnds } from "./dead_sockets.ts";
import { isEncrypted, isWebSocket, type NatsOptions, urlsOf } from "./nats_options.ts";
import type { TlsHandshakes } from "./tls_handshake.ts";

/** Gives each dial of a connection its credentials. */
export interface IdentitySource {
  readonly current: Identity;
  /** Called before each dial. */
  next(): Identity;
}

const ENCODER = new TextEncoder();

/**
 * Connects by TCP, TLS or websocket, as the URLs say, and reconnects without end.
 *
 * @param signal Ends a first connection before it dials the next server: the caller waits no longer. Default: nothing does.
 */
export async function dial(
  options: NatsOptions,
  identities: IdentitySource,
  handshakes: TlsHandshakes,
  overrides: Partial<ConnectionOptions> = {},
  signal?: AbortSignal,
): Promise<NatsConnection> {
  const tls: TlsOptions = {}, round = new FirstRound(overrides.ignoreClusterUpdates, signal);
  let useOwnTransport = () => {};
  const client: ConnectionOptions = {
    servers: urlsOf(options.servers).map(({ protocol, host, pathname, search }) =>
      `${protocol}//${host}${pathname}${search}`
    ),
    name: options.name,
    inboxPrefix: options.inboxPrefix,
    maxReconnectAttempts: -1, // after the default of ten tries every loop would end without an error
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
    authenticator: (nonce) => authenticate(identities.current, nonce),
    reconnectToServer: (pool) => {
      const server = round.next(pool);
      dialBegins();
      useOwnTransport();
      const { ca, cert, key } = identities.next();
      // The client names no server to the handshake if it dials an address.
      const host = server.hostname.replace(/^\[|\]$/g, "");
      Object.assign(tls, { ca, cert, key, handshakeFirst: handshakes.first(server.listen), host });
      return server === pool[0] ? null : server; // null: the client's choice
    },
    ...overrides,
  };
  let nc: NatsConnection;
  try {
    nc = isWebSocket(options.servers)
      ? await wsconnect({ ...client, wsFactory: (url) => openSocket(url, tls) } as WsConnectionOptions)
      : await connect({ ...client, ...(isEncrypted(options) && { tls }) });
  } catch (error) {
    if (!round.exhausted || signal?.aborted) throw error;
    // The client has lost the reason. Without the addresses of the others it ends with the reason of the last server.
    const alone = { timeout: ALONE_MS, ...overrides, ignoreClusterUpdates: true };
    await (await dial(options, identities, handshakes, alone)).close();
    return await dial(options, identities, handshakes, overrides); // a server takes the connection by now
  }
  round.end();
  dialEnds();
  useOwnTransport = ownTransport(nc);
  return nc;
}

/** Timeout of a connection to a server that took none before, in milliseconds. */
const ALONE_MS = 2_000;

/**
 * The servers of a first connection, each dialed once. The client drops a server that refuses it, and adds it again
 * when another one of the cluster names it: it would dial a cluster that refuses it without end.
 */
class FirstRound {
  readonly #dialed = new Set<string>();
  #over: boolean;
  /** Whether every known server took no connection. */
  exhausted = false;

  /** @param over True if the client learns of no other servers, and so ends by itself. Default: false. */
  constructor(over = false, readonly signal?: AbortSignal) {
    this.#over = over;
  }

  /**
   * Returns the server to dial.
   *
   * @param pool The known servers, with the client's choice at first.
   * @throws {Error} if each was dialed, which ends the client's connect.
   */
  next(pool: readonly Server[]): Server {
    if (this.#over) return pool[0];
    this.signal?.throwIfAborted();
    const server = pool.find(({ listen }) => !this.#dialed.has(listen));
    this.exhausted = server === undefined;
    if (!server) throw new Error("no server takes the connection");
    this.#dialed.add(server.listen);
    return server;
  }

  /** Notes that the connection is open: from now on the client reconnects without end. */
  end(): void {
    this.#over = true;
  }
}

/** The client closes the connection for good if this throws. */
function authenticate({ creds, nkey, token, user, password }: Identity, nonce?: string): Auth {
  const seed = nkey === undefined ? undefined : seedIn(nkey);
  return {
    ...(creds !== undefined && credsAuthenticator(ENCODER.encode(asCredsFile(creds)))(nonce)),
    ...(seed !== undefined && nkeyAuthenticator(ENCODER.encode(seed))(nonce)),
    ...(token !== undefined && { auth_token: token }),
    ...(user !== undefined && { user, pass: password }),
  } as Auth;
}

/** Opens a websocket, with a client of its own for certificates. */
function openSocket(url: string, { ca, cert, key }: TlsOptions): Promise<{ socket: WebSocket; encrypted: boolean }> {
  const encrypted = url.startsWith("wss:");
  if (ca === undefined && cert === undefined) return Promise.resolve({ socket: new WebSocket(url), encrypted });
  const client = Deno.createHttpClient({
    ...(ca !== undefined && { caCerts: [ca] }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
  });
  const socket = new WebSocket(url, { client });
  socket.addEventListener("close", () => client.close());
  return Promise.resolve({ socket, encrypted });
}
