import { type JetStreamAccountStats, JetStreamApiError } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/transport-node";
import { isSupported, OLDEST_SUPPORTED, parseVersion } from "../../core/server_version.ts";
import { Credentials, type CredentialsListener, type Identity } from "./credentials.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { alertSince, dialEnds, surviveDeadSockets, type TlsAlert } from "./dead_sockets.ts";
import { dial } from "./dial.ts";
import { JETSTREAM_CODES } from "./error_codes.ts";
import { codeOf, explainConnectError } from "./explain_connect_error.ts";
import { isNotAccepted } from "./explain_tls_error.ts";
import { readOddHeaders, socketCloser } from "./internals.ts";
import { parseWholeMessages } from "./message_parser.ts";
import { isEncrypted, isWebSocket, type NatsOptions, urlsOf } from "./nats_options.ts";
import { DEFAULT_PREFIXES, jetstreamManagerOn, setPrefixes, subjectOn } from "./subject_prefixes.ts";
import { DEFAULT_PORT, TlsHandshakes } from "./tls_handshake.ts";
import { readAlert, readServerCertificate } from "./tls_probe.ts";

/** Timeout of a connection that only finds out why there is none, in milliseconds. A stop may wait for it. */
const DIAGNOSE_MS = 2_000;
/** Timeout of a connection that tries new credentials, in milliseconds. */
const TRY_MS = 10_000;
/** Milliseconds after which a connection that is not open yet is suspected to wait for a server that refused it. */
const SLOW_DIAL_MS = 2_000;
/** Milliseconds to wait for the first bytes of a server after a connection to it failed. It may only be slow. */
const SLOW_SERVER_MS = 3_000;

/** Result of reading the credentials again. */
export type Renewal =
  | { readonly kind: "unchanged" | "reconnecting" }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Connects, and reconnects without end.
 *
 * @throws {Error} with the address, the cause and what to do, when NATS cannot be reached, is too old or has no
 * JetStream.
 */
export function connectNats(options: NatsOptions): Promise<NatsConnection> {
  return new NatsDialer(options).connect();
}

/** Opens a connection, and finds out why it cannot be opened again. */
export class NatsDialer {
  readonly #where: string;
  readonly #handshakes = new TlsHandshakes();
  #credentials: Credentials | undefined;

  /** @param listener learns of credentials that are read again. Default: nothing does. */
  constructor(readonly options: NatsOptions, readonly listener: CredentialsListener = {}) {
    this.#where = urlsOf(options.servers).map(({ host }) => host).join(", ");
  }

  /** @throws {Error} as {@linkcode connectNats} */
  async connect(): Promise<NatsConnection> {
    surviveDeadSockets();
    readOddHeaders();
    const failed = (why: string, cause: unknown) =>
      new Error(`cannot connect to NATS at ${this.#where}: ${why}`, { cause });
    const credentials = Credentials.read(this.options, this.listener);
    if (credentials instanceof Error) throw failed(credentials.message, credentials);
    this.#credentials = credentials;
    let nc: NatsConnection;
    const startedAt = performance.now();
    try {
      nc = await this.#unlessRefused(credentials);
    } catch (error) {
      throw failed(await this.#explain(error, this.options, credentials.current, startedAt), error);
    }
    parseWholeMessages(nc);
    void follow(nc, credentials);
    try {
      await this.#check(nc);
    } catch (error) {
      await nc.close();
      throw error;
    }
    return nc;
  }

  /**
   * Returns why no server takes a connection and what to do, or undefined if any server takes one. The client does not
   * tell why it cannot reconnect, so this connects once to each server.
   */
  async whyUnreachable(): Promise<string | undefined> {
    const { options } = this, identity = this.#credentials?.newest() ?? {};
    const tls = options.tls ?? (isEncrypted(options) && !isWebSocket(options.servers) ? {} : undefined);
    await this.#probe();
    const reasons = await Promise.all(
      urlsOf(options.servers).map(async (url) => {
        const reason = await this.#reasonOf({ ...options, servers: [url.href], tls }, identity);
        return reason && `${url.host}: ${reason}`;
      }),
    );
    return reasons.includes(undefined) ? undefined : reasons.join("; ");
  }

  /**
   * Reads the credentials again. If they are others, and a server takes them, the connection is opened anew with them.
   * Everything in flight is repeated, as after any other disconnect.
   */
  async renew(nc: NatsConnection): Promise<Renewal> {
    if (!this.#credentials?.read()) return { kind: "unchanged" };
    const reason = await this.#reasonOf(this.options, this.#credentials.newest(), TRY_MS);
    if (reason !== undefined) return { kind: "refused", reason };
    await nc.flush().catch(() => {}); // disconnected: it dials again by itself
    await nc.reconnect();
    return { kind: "reconnecting" };
  }

  /**
   * Dials, and asks a moment later whether every server refuses the TLS handshake: the client would wait 20 seconds for
   * each.
   */
  async #unlessRefused(credentials: Credentials): Promise<NatsConnection> {
    const refused = Promise.withResolvers<never>(), given = new AbortController();
    const stopTimer = systemClock.timer(SLOW_DIAL_MS, async () => {
      const alerts = await this.#alerts(credentials.current);
      if (alerts.every((alert) => alert !== undefined)) refused.reject(Object.assign(new Error(), alerts[0]));
    });
    const dialing = this.#dial(credentials, given.signal);
    try {
      return await Promise.race([dialing, refused.promise]);
    } catch (error) {
      given.abort();
      dialing.then((late) => late.close(), () => {});
      throw error;
    } finally {
      stopTimer();
    }
  }

  async #dial(credentials: Credentials, signal: AbortSignal): Promise<NatsConnection> {
    await this.#probe();
    try {
      return await dial(this.options, credentials, this.#handshakes, {}, signal);
    } catch (error) {
      if (signal.aborted || !await this.#probe(SLOW_SERVER_MS)) throw error;
      return await dial(this.options, credentials, this.#handshakes, {}, signal);
    }
  }

  /** Returns for each server the alert by which it refuses a TLS handshake, or undefined if it does not. */
  async #alerts(identity: Identity, servers = this.options.servers): Promise<(TlsAlert | undefined)[]> {
    if (isWebSocket(servers)) return [undefined];
    return await Promise.all(urlsOf(servers).map((url) => readAlert(this.#probed(url), identity)));
  }

  #probed({ hostname, port, host }: URL) {
    const address = { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || DEFAULT_PORT };
    return { ...address, isFirst: this.#handshakes.first(host) };
  }

  /** Finds the servers that begin with a TLS handshake. Returns whether that was not known before. */
  async #probe(silentMs?: number): Promise<boolean> {
    const { options } = this;
    if (!isEncrypted(options) || isWebSocket(options.servers)) return false;
    return await this.#handshakes.probe(options.servers, silentMs);
  }

  async #reasonOf(options: NatsOptions, identity: Identity, timeout = DIAGNOSE_MS): Promise<string | undefined> {
    const identities = { current: identity, next: () => identity }, startedAt = performance.now();
    try {
      const once = { reconnect: false, ignoreClusterUpdates: true, timeout };
      const nc = await dial(options, identities, this.#handshakes, once);
      await nc.close();
    } catch (error) {
      return await this.#explain(error, options, identity, startedAt);
    }
  }

  /** @param startedAt Start of the dial, by `performance.now()`. */
  async #explain(error: unknown, options: NatsOptions, identity: Identity, startedAt: number): Promise<string> {
    const isSilent = error instanceof errors.TimeoutError;
    const alert = alertSince(startedAt) ?? (isSilent ? (await this.#alerts(identity, options.servers))[0] : undefined);
    if (!isNotAccepted(codeOf(error)) || isWebSocket(options.servers)) {
      return explainConnectError(error, options, identity, { alert });
    }
    const certificate = await readServerCertificate(this.#probed(urlsOf(options.servers)[0]));
    return explainConnectError(error, options, identity, { alert, certificate });
  }

  /** @throws {Error} if the server is too old, or the account may not use JetStream */
  async #check(nc: NatsConnection): Promise<void> {
    const { apiPrefix: api = DEFAULT_PREFIXES.api, inboxPrefix: inbox = DEFAULT_PREFIXES.inbox } = this.options;
    const version = nc.info?.version ?? "unknown",
      parsed = parseVersion(version),
      server = `the NATS server at ${this.#where}`;
    if (!parsed || !isSupported(parsed)) {
      throw new Error(`${server} is version ${version}; Weir needs ${OLDEST_SUPPORTED} or newer: upgrade the server`);
    }
    setPrefixes(nc, { api, inbox });
    const account = await readAccount(nc);
    if (account !== "no JetStream") return setPrefixes(nc, { api, inbox, domain: account && (account.domain ?? "") });
    if (api === DEFAULT_PREFIXES.api) {
      throw new Error(`${server} runs without JetStream: start it with -js, or enable it for the account`);
    }
    const what = `no JetStream answers at ${subjectOn(nc, "$JS.API.INFO")} by ${server}`;
    const cause = new errors.NoRespondersError(api); // it may only be a leaf node that is not connected yet
    throw new Error(`${what}: are NATS_JS_DOMAIN and NATS_JS_API_PREFIX right, and is it connected?`, { cause });
  }
}

/**
 * Follows the status of a connection. After each accepted dial, `credentials` learns that the server took them. Sockets
 * that the client gives up are ended.
 */
async function follow(nc: NatsConnection, credentials: Credentials): Promise<void> {
  credentials.accepted();
  let closeSocket = socketCloser(nc);
  for await (const { type } of nc.status()) {
    if (type === "reconnect") {
      dialEnds();
      credentials.accepted();
      closeSocket = socketCloser(nc);
    } else if (type === "staleConnection" || type === "forceReconnect") closeSocket();
  }
}

/**
 * Returns the account's JetStream, or undefined if it cannot be read. The server's `INFO` does not suffice: in a
 * cluster, a server without JetStream reaches the JetStream of the others.
 */
async function readAccount(nc: NatsConnection): Promise<JetStreamAccountStats | "no JetStream" | undefined> {
  try {
    return await (await jetstreamManagerOn(nc)).getAccountInfo() as JetStreamAccountStats;
  } catch (error) {
    // The client keeps the class to itself: for no responders, and for an account without JetStream.
    if (error instanceof Error && error.name === "JetStreamNotEnabled") return "no JetStream";
    const isOff = error instanceof JetStreamApiError && error.code === JETSTREAM_CODES.notEnabled;
    return isOff ? "no JetStream" : undefined;
  }
}
