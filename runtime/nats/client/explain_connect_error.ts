import { errors } from "@nats-io/transport-node";
import type { Identity } from "./credentials.ts";
import { explainTlsError, type TlsFacts } from "./explain_tls_error.ts";
import { isWebSocket, type NatsOptions } from "./nats_options.ts";

/** Advice for other codes of Node's sockets. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOTFOUND: "is the host name in NATS_URL right?",
  EAI_AGAIN: "is the host name in NATS_URL right, and does the name server answer?",
  EHOSTUNREACH: "is the address in NATS_URL right, and does a network lead there?",
  ENETUNREACH: "is the address in NATS_URL right, and does a network lead there?",
  ERR_TLS_CERT_ALTNAME_INVALID: "name the server in NATS_URL as its certificate does",
};

/** Returns why a server took no connection, and what to do. */
export function explainConnectError(
  error: unknown,
  { unset = false, servers }: NatsOptions,
  identity: Identity,
  facts: TlsFacts = {},
): string {
  const { creds, nkey } = identity;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    const expiredAt = creds && expiryOf(creds);
    if (expiredAt) return `${text}: the credentials in NATS_CREDS expired at ${expiredAt}: renew them, and start again`;
    return `${text}: check ${nkey ? "NATS_NKEY, " : ""}NATS_CREDS, NATS_TOKEN or NATS_USER and NATS_PASSWORD`;
  }
  const code = codeOf(error);
  if (code === "ECONNREFUSED") {
    return `${text}: ${
      unset ? "NATS_URL is not set; `deno task dev` starts one" : "is it running, and is NATS_URL right?"
    }`;
  }
  const tls = explainTlsError(code, text, identity, facts, Date.now());
  if (tls !== undefined) return tls;
  if (code !== undefined && code in ADVICE) return `${text}: ${ADVICE[code]}`;
  if (error instanceof errors.TimeoutError) {
    const certificate = identity.cert === undefined
      ? "ask for a certificate (NATS_TLS_CERT, NATS_TLS_KEY)"
      : "refuse the certificate in NATS_TLS_CERT";
    return `${text}: is the address right, and does the server ${certificate} or begin with TLS (tls:// in NATS_URL)?`;
  }
  if (isWebSocket(servers)) {
    return `${text}: does a nats-server listen for websockets at that address, and is its certificate's authority ` +
      "known (NATS_TLS_CA)?";
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

/** Returns the code of an error, or of its cause. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return "code" in error ? String(error.code) : codeOf(error.cause);
}
