import {
  type Auth,
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
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

/** Connects by TCP, TLS or websocket, as the URLs say, and reconnects without end. */
export async function dial(
  options: NatsOptions,
  identities: IdentitySource,
  handshakes: TlsHandshakes,
  overrides: Partial<ConnectionOptions> = {},
): Promise<NatsConnection> {
  const tls: TlsOptions = {};
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
    reconnectToServer: ([{ listen }]) => {
      dialBegins();
      useOwnTransport();
      const { ca, cert, key } = identities.next();
      Object.assign(tls, { ca, cert, key, handshakeFirst: handshakes.first(listen) });
      return null;
    },
    ...overrides,
  };
  const nc = isWebSocket(options.servers)
    ? await wsconnect({ ...client, wsFactory: (url) => openSocket(url, tls) } as WsConnectionOptions)
    : await connect({ ...client, ...(isEncrypted(options) && { tls }) });
  dialEnds();
  useOwnTransport = ownTransport(nc);
  return nc;
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
