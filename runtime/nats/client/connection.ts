import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import {
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  errors,
  type NatsConnection,
} from "@nats-io/transport-node";
import { readOddHeaders } from "./internals.ts";
import { JETSTREAM_CODES } from "./error_codes.ts";
import { isSupported, OLDEST_SUPPORTED, parseVersion } from "../../core/server_version.ts";

/** Codes of Node's TLS for a certificate whose authority is not known. */
const UNKNOWN_AUTHORITY = /SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF|CERT_UNTRUSTED/;
/** Advice for other codes of Node's sockets. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOTFOUND: "is the host name in NATS_URL right?",
  EAI_AGAIN: "is the host name in NATS_URL right, and does the name server answer?",
  EHOSTUNREACH: "is the address in NATS_URL right, and does a network lead there?",
  ENETUNREACH: "is the address in NATS_URL right, and does a network lead there?",
  CERT_HAS_EXPIRED: "renew the server's certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: "name the server in NATS_URL as its certificate does",
};

/** Timeout of a connection that only finds out why there is none, in milliseconds. A stop may wait for it. */
const DIAGNOSE_MS = 2_000;

export interface NatsOptions {
  readonly servers: readonly string[];
  /** True when `servers` is the default. @default false */
  readonly unset?: boolean;
  /** Name of the connection in the server's monitoring. */
  readonly name: string;
  /** The text of a credentials file. */
  readonly creds?: string;
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
  /** Paths of PEM files. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/**
 * Connects, and reconnects without end: after the client's default of ten tries every loop would end without an error.
 *
 * @throws {Error} with the address, the cause and what to do, when NATS cannot be reached, is too old or has no JetStream.
 */
export async function connectNats(options: NatsOptions): Promise<NatsConnection> {
  const where = urlsOf(options).map(({ host }) => host).join(", ");
  surviveDeadSockets();
  readOddHeaders();
  let nc: NatsConnection;
  try {
    nc = await connect(toClientOptions(options));
  } catch (error) {
    throw new Error(`cannot connect to NATS at ${where}: ${explain(error, options)}`, { cause: error });
  }
  const version = nc.info?.version ?? "unknown";
  const parsed = parseVersion(version);
  if (!parsed || !isSupported(parsed)) {
    await nc.close();
    throw new Error(
      `the NATS server at ${where} is version ${version}; Weir needs ${OLDEST_SUPPORTED} or newer: upgrade the server`,
    );
  }
  if (!await hasJetStream(nc)) {
    await nc.close();
    throw new Error(
      `the NATS server at ${where} runs without JetStream: start it with -js, or enable it for the account`,
    );
  }
  return nc;
}

/**
 * Returns why no server takes a connection and what to do; undefined if one does. The client reconnects without telling
 * its reasons, so this connects once to each server.
 */
export async function whyUnreachable(options: NatsOptions): Promise<string | undefined> {
  const client = { ...toClientOptions(options), reconnect: false, timeout: DIAGNOSE_MS };
  const reasons = await Promise.all(
    urlsOf(options).map(async ({ protocol, host }) => {
      try {
        await (await connect({ ...client, servers: `${protocol}//${host}` })).close();
      } catch (error) {
        return `${host}: ${explain(error, options)}`;
      }
    }),
  );
  return reasons.includes(undefined) ? undefined : reasons.join("; ");
}

/**
 * Returns whether the account may use JetStream. `INFO` tells it of the server only: in a cluster a server without
 * JetStream reaches that of the others.
 */
async function hasJetStream(nc: NatsConnection): Promise<boolean> {
  try {
    await (await jetstreamManager(nc, { checkAPI: false })).getAccountInfo();
    return true;
  } catch (error) {
    // The client keeps the class to itself: for no responders, and for an account without JetStream.
    if (error instanceof Error && error.name === "JetStreamNotEnabled") return false;
    return !(error instanceof JetStreamApiError && error.code === JETSTREAM_CODES.notEnabled);
  }
}

function toClientOptions(options: NatsOptions): ConnectionOptions {
  const { name, creds, tls } = options;
  const urls = urlsOf(options);
  // The client takes no credentials from a URL, and other NATS tools do.
  const named = urls.find(({ username }) => username !== "");
  const inUrl = named && { name: decodeURIComponent(named.username), secret: decodeURIComponent(named.password) };
  const user = options.user ?? (inUrl?.secret ? inUrl.name : undefined);
  const pass = options.password ?? (inUrl?.secret || undefined);
  const token = options.token ?? (inUrl && !inUrl.secret ? inUrl.name : undefined);
  const encrypted = urls.some(({ protocol }) => protocol === "tls:");
  return {
    servers: urls.map((url) => `${url.protocol}//${url.host}`),
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
    ...(creds !== undefined && { authenticator: credsAuthenticator(new TextEncoder().encode(asCredsFile(creds))) }),
    ...(token !== undefined && { token }),
    ...(user !== undefined && { user, pass }),
    ...(encrypted && { tls: {} }),
    ...(tls && { tls: { caFile: tls.ca, certFile: tls.cert, keyFile: tls.key } }),
  };
}

/**
 * Ends each line as the client's parser needs it. Other NATS tools also take CRLF, and a file that ends at its END line;
 * editors leave spaces and empty lines, and a variable may have `\n` in place of a line break.
 */
function asCredsFile(text: string): string {
  return text.trim().replaceAll(/\s*(?:[\r\n]|\\n)\s*/g, "\n") + "\n";
}

/** Returns the servers as URLs. `host:4222` alone is one too. */
function urlsOf({ servers }: NatsOptions): URL[] {
  return servers.map((server) => new URL(server.includes("://") ? server : `nats://${server}`));
}

function explain(error: unknown, { unset = false, creds }: NatsOptions): string {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    const expiredAt = creds && expiryOf(creds);
    if (expiredAt) return `${text}: the credentials in NATS_CREDS expired at ${expiredAt}: renew them, and start again`;
    return `${text}: check NATS_CREDS, NATS_TOKEN or NATS_USER and NATS_PASSWORD`;
  }
  const code = codeOf(error) ?? codeOf((error as Error).cause);
  if (code === "ECONNREFUSED") {
    return `${text}: ${
      unset ? "NATS_URL is not set; `deno task dev` starts one" : "is it running, and is NATS_URL right?"
    }`;
  }
  if (code !== undefined && UNKNOWN_AUTHORITY.test(code)) {
    return `${text}: give the authority's certificate as NATS_TLS_CA`;
  }
  if (code !== undefined && code in ADVICE) return `${text}: ${ADVICE[code]}`;
  if (error instanceof errors.TimeoutError) {
    return `${text}: is the address right, and does the server ask for a certificate (NATS_TLS_CERT, NATS_TLS_KEY)?`;
  }
  return `${text}: is a NATS server at that address? If so, its log says why it closed the connection`;
}

/** Returns when the JWT of a credentials file expired; undefined if it is valid or cannot be read. */
function expiryOf(creds: string): string | undefined {
  try {
    const payload = /\n\s*[\w-]+\.([\w-]+)\.[\w-]+/.exec(creds)![1].replaceAll("-", "+").replaceAll("_", "/");
    const { exp } = JSON.parse(atob(payload));
    return exp * 1_000 <= Date.now() ? new Date(exp * 1_000).toISOString() : undefined;
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/**
 * Errors of sockets that were closed under the client's Node transport. Without a listener they end the process, as
 * after a refused login, although the client knows that the connection is lost.
 */
const DEAD_SOCKET = ["ERR_STREAM_WRITE_AFTER_END", "ECONNRESET", "EPIPE"];

let installed = false;

/** Keeps such an error from ending the process. Any other error still does. */
function surviveDeadSockets(): void {
  if (installed) return;
  installed = true;
  globalThis.addEventListener("error", (event) => {
    const { code, stack } = (event.error ?? {}) as { code?: string; stack?: string };
    // An error with the author's code in its stack is of the author's own socket.
    const ofAuthor = stack?.split("\n").some((line) => line.includes("file://") && !line.includes("@nats-io"));
    if (code !== undefined && DEAD_SOCKET.includes(code) && !ofAuthor) event.preventDefault();
  });
}
