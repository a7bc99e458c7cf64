import { type Signature, SIGNATURE_TOLERANCE } from "../../api/webhook.ts";
import { type Duration, parseDuration } from "../../core/duration.ts";
import { nodeCrypto } from "../../core/sha256.ts";
import { isSameDigest } from "../api_keys.ts";
import { Problem } from "../problem.ts";
import { type Claim, schemeOf } from "./schemes.ts";

/** A request whose signature is to be checked. */
interface SignedRequest {
  readonly headers: Headers;
  /** Bytes of the body, as they arrived: the sender signed those. */
  readonly body: Uint8Array;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Returns the signature in the headers of a request. @throws {Problem} 401 without one */
export function claimOf(signature: Signature, headers: Headers): Claim {
  const scheme = schemeOf(signature), claim = scheme.claim(headers);
  if (claim) return claim;
  throw refused(`the request has no signature: it is expected in ${scheme.header}`);
}

/**
 * Checks the signature of a request.
 *
 * @param secrets Secrets that the sender may have used.
 * @throws {Problem} 401 if it is missing or wrong, or signed too long ago
 */
export function verifySignature(
  signature: Signature,
  secrets: readonly string[],
  { headers, body, nowMs }: SignedRequest,
): void {
  const scheme = schemeOf(signature), claim = claimOf(signature, headers);
  // Compares every pair in constant time, so that the duration reveals nothing about a secret.
  const matches = secrets.flatMap((secret) => {
    const expected = nodeCrypto().createHmac(scheme.hash, scheme.key(secret)).update(claim.before).update(body)
      .digest();
    return claim.signatures.filter((given) => given.length === expected.length && isSameDigest(given, expected));
  });
  if (matches.length === 0) throw refused(`the signature in ${scheme.header} is not that of this request`);
  if (claim.signedAt === undefined) return;
  const { tolerance = SIGNATURE_TOLERANCE } = signature as { readonly tolerance?: Duration };
  const apartMs = Math.abs(nowMs - claim.signedAt * 1_000);
  if (apartMs <= parseDuration(tolerance)!) return;
  throw refused(`the request was not signed within ${tolerance} of now: check both clocks, or send it again`);
}

function refused(detail: string): Problem {
  return new Problem("unauthorized", detail, { headers: { "www-authenticate": "Signature" } });
}
