import { type CryptoKey, errors, type JWTPayload, jwtVerify, type JWTVerifyOptions } from "jose";
import { covers, subjectProblem } from "../core/subjects.ts";
import type { Caller } from "./caller.ts";
import { hasForbidden } from "./event_attributes.ts";
import { Problem } from "./problem.ts";
import { TokenKeys, type TokenKeysOptions } from "./token_keys.ts";

/** The tokens that are accepted. */
export interface TokenOptions extends TokenKeysOptions {
  /** The claim `iss`. */
  readonly issuer: string;
  /** The claim `aud`. */
  readonly audience: string;
}

/** Begins each scope that allows to publish: `publish:orders.>`. */
const SCOPE = "publish:";
/** Signatures of public keys alone: a shared secret in the key set would be public as well. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** Seconds by which the issuer's clock may be ahead or behind. */
const CLOCK_TOLERANCE_S = 30;
/** Characters of a subject, which is a part of the source of events. */
const MAX_SUBJECT = 256;
/** All callers with a token share one room: their number is not known. */
const ROOM = "jwt:";

/** Authenticates callers by JSON Web Tokens (RFC 7519). */
export class JsonWebTokens {
  readonly #keys: TokenKeys;

  constructor(readonly options: TokenOptions) {
    this.#keys = new TokenKeys(options);
  }

  /** Returns the caller. @throws {Problem} 401 with a token that is not valid, 503 while the keys cannot be fetched */
  async authenticate(token: string): Promise<Caller> {
    const { issuer, audience } = this.options;
    const wanted = {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ["exp", "sub"],
    };
    try {
      return callerOf(await this.#verify(token, wanted));
    } catch (error) {
      throw problemOf(error);
    }
  }

  async #verify(token: string, wanted: JWTVerifyOptions): Promise<JWTPayload> {
    try {
      return (await jwtVerify(token, this.#keys.get, wanted)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return await verifyWithAny(token, error, wanted);
    }
  }
}

/** Verifies a token that names no key with each of several keys. */
async function verifyWithAny(token: string, keys: AsyncIterable<CryptoKey>, wanted: JWTVerifyOptions) {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, wanted)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function callerOf({ sub, scope, scp }: JWTPayload): Caller {
  const subject: unknown = sub; // jose checks only that there is one
  if (typeof subject !== "string" || subject === "" || subject.length > MAX_SUBJECT || hasForbidden(subject)) {
    throw new errors.JWTClaimValidationFailed("its subject cannot be an attribute of an event", {}, "sub");
  }
  const patterns = scopesOf(scope ?? scp).flatMap((text) => patternOf(text) ?? []);
  return {
    name: `jwt:${encodeURIComponent(subject)}`,
    title: `the token of ${JSON.stringify(subject)}`,
    room: ROOM,
    identity: { authtype: "app_user", authid: subject },
    mayPublish: (type) => patterns.some((pattern) => covers(pattern, type)),
  };
}

/** Returns the scopes of a claim: a text with spaces between (RFC 8693), or a list, as some issuers write. */
function scopesOf(claim: unknown): string[] {
  const texts = Array.isArray(claim) ? claim : [claim];
  return texts.filter((text) => typeof text === "string").flatMap((text) => text.split(" "));
}

function patternOf(scope: string): string | undefined {
  const pattern = scope.startsWith(SCOPE) ? scope.slice(SCOPE.length) : "";
  return pattern === "" || subjectProblem(pattern) ? undefined : pattern;
}

function problemOf(error: unknown): unknown {
  const refusal = refusalOf(error);
  if (refusal) {
    const headers = { "www-authenticate": 'Bearer error="invalid_token"' };
    return new Problem("unauthorized", `the token is not accepted: ${refusal}`, { headers });
  }
  const headers = { "retry-after": "5" };
  return new Problem("unavailable", "the keys of the token's issuer cannot be fetched: try again", { headers });
}

/** Returns why a token is refused, or undefined if it could not be checked. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim ${error.claim} is not as wanted`;
  if (error instanceof errors.JWKSNoMatchingKey) return "its issuer has no such key";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature is wrong";
  const known = [errors.JWSInvalid, errors.JWTInvalid, errors.JOSEAlgNotAllowed, errors.JOSENotSupported];
  return known.some((kind) => error instanceof kind) ? "it has no form or algorithm that is known here" : undefined;
}
