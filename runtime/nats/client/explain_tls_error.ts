import { nodeCrypto } from "../../core/sha256.ts";
import type { Identity } from "./credentials.ts";
import { isAlert, type TlsAlert } from "./dead_sockets.ts";

/** Times between which a certificate is valid, in milliseconds since 1970. */
export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Facts about a TLS handshake that failed. */
export interface TlsFacts {
  /** Alert that the server sent. */
  readonly alert?: TlsAlert;
  /** Validity of the server's certificate, if it was not accepted and could be read. */
  readonly certificate?: Validity;
}

/** Codes of Node's TLS for a certificate that is not accepted. Deno tells no reasons apart. */
const NOT_ACCEPTED = /SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF|CERT_UNTRUSTED|CERT_HAS_EXPIRED/;
/** Code of a handshake that could not begin, as with a key of another certificate. */
const NO_HANDSHAKE = "ERR_SSL_UNSUPPORTED_PROTOCOL";

/** Returns whether an error's code says that the server's certificate was not accepted. */
export function isNotAccepted(code: string | undefined): boolean {
  return code !== undefined && NOT_ACCEPTED.test(code);
}

/**
 * Returns what is wrong with a certificate, the server's or the client's; undefined if neither is at fault.
 *
 * @param code Code of the error. Undefined for a server that was silent.
 */
export function explainTlsError(
  code: string | undefined,
  text: string,
  identity: Identity,
  { alert, certificate }: TlsFacts,
  nowMs: number,
): string | undefined {
  if (isNotAccepted(code)) {
    const invalid = certificate && invalidity(certificate, nowMs);
    if (invalid) return `the server's certificate ${invalid}: renew it, or set the clock of this machine right`;
    return `${text}: give the authority's certificate as NATS_TLS_CA`;
  }
  // A silent server may have sent an alert that the client lost.
  if (code !== undefined && code !== NO_HANDSHAKE && !isAlert(code)) return undefined;
  const refusal = code !== undefined && isAlert(code) ? { code, message: text } : alert;
  const own = clientProblem(identity, nowMs), message = refusal?.message ?? text;
  if (own) return `${message}: ${own}`;
  return refusal && `${message}: ${adviceOn(refusal, identity)}`;
}

function adviceOn({ code }: TlsAlert, { cert }: Identity): string {
  if (cert === undefined) return "the server asks for a certificate: give one as NATS_TLS_CERT and NATS_TLS_KEY";
  return code.includes("UNKNOWN_CA")
    ? "the server does not know the authority of the certificate in NATS_TLS_CERT"
    : "the server refuses the certificate in NATS_TLS_CERT, or the handshake: its log says why";
}

/** Returns what is wrong with the client's own certificate and key. */
function clientProblem({ cert, key }: Identity, nowMs: number): string | undefined {
  if (cert === undefined || key === undefined) return undefined;
  const { createPrivateKey, X509Certificate } = nodeCrypto();
  try {
    const own = new X509Certificate(cert);
    const invalid = invalidity({ fromMs: Date.parse(own.validFrom), toMs: Date.parse(own.validTo) }, nowMs);
    if (invalid) return `the certificate in NATS_TLS_CERT ${invalid}: renew it, or set the clock of this machine right`;
    return own.checkPrivateKey(createPrivateKey(key))
      ? undefined
      : "NATS_TLS_KEY is the key of another certificate than NATS_TLS_CERT";
  } catch (error) {
    return `NATS_TLS_CERT and NATS_TLS_KEY cannot be read: ${(error as Error).message}`;
  }
}

function invalidity({ fromMs, toMs }: Validity, nowMs: number): string | undefined {
  if (nowMs > toMs) return `expired at ${new Date(toMs).toISOString()}`;
  return nowMs < fromMs ? `is not valid before ${new Date(fromMs).toISOString()}` : undefined;
}
