import { nodeCrypto, sha256 } from "../core/sha256.ts";
import { covers } from "../core/subjects.ts";
import { ANY_CALLER, type Caller } from "./caller.ts";
import { Problem } from "./problem.ts";
import { RequestLimit, type RequestRate } from "./request_limit.ts";

export interface ApiKey {
  /** Name of the caller, for the source of its events. */
  readonly name: string;
  /** The secret, or `sha256=` and the hex digits of its SHA-256 digest. */
  readonly secret: string;
  /** Subject pattern of the event types that it may publish. */
  readonly pattern: string;
  /** Limit of its requests. Default: none. */
  readonly rate?: RequestRate;
}

/** Begins a secret that is given as its SHA-256 digest. */
export const DIGEST_PREFIX = "sha256=";

/** A key with the digest of its secret. Keys of one secret are one caller, and have one limit. */
interface KnownKey {
  readonly key: ApiKey;
  readonly digest: Uint8Array;
  readonly limit?: RequestLimit;
}

/** Authenticates requests by their `Authorization` header. With `none`, every caller may publish every event. */
export class ApiKeys {
  #keys: readonly KnownKey[] | "none";

  constructor(keys: readonly ApiKey[] | "none") {
    this.#keys = keys === "none" ? keys : keys.map(knownKey);
  }

  /**
   * Replaces the keys, for requests from now on. Returns whether any key has changed. If authentication is off, it
   * stays off.
   */
  replace(keys: readonly ApiKey[]): boolean {
    const text = (all: readonly ApiKey[]) =>
      JSON.stringify(all.map(({ name, secret, pattern, rate }) => [name, secret, pattern, rate]));
    if (this.#keys === "none" || text(keys) === text(this.#keys.map(({ key }) => key))) return false;
    this.#keys = keys.map(knownKey);
    return true;
  }

  /** Whether authentication is off. */
  get isOpen(): boolean {
    return this.#keys === "none";
  }

  /** Number of callers that are told apart. */
  get callers(): number {
    return this.#keys === "none" ? 1 : new Set(this.#keys.map(({ key }) => key.name)).size;
  }

  /** Returns whether a text is the secret of a key. */
  knows(secret: string): boolean {
    return this.#keys !== "none" && keysOf(this.#keys, secret).length > 0;
  }

  /** Returns the caller. @throws {Problem} 401 without a known key. */
  authenticate(request: Request): Caller {
    if (this.#keys === "none") return ANY_CALLER;
    const secret = bearerOf(request);
    if (secret === undefined) throw unauthorized("send an API key as `Authorization: Bearer <secret>`");
    const found = keysOf(this.#keys, secret);
    if (found.length === 0) throw unauthorized("the API key is not known");
    const { key: { name }, limit } = found.find(({ limit }) => limit) ?? found[0];
    return {
      name,
      title: `API key ${name}`,
      room: name,
      identity: { authtype: "api_key", authid: name },
      limit,
      mayPublish: (type) => found.some(({ key }) => covers(key.pattern, type)),
    };
  }
}

/** Compares every key in constant time, so that the duration reveals nothing about a secret. */
function keysOf(keys: readonly KnownKey[], secret: string): KnownKey[] {
  const digest = sha256(secret);
  return keys.filter((known) => isSameDigest(known.digest, digest));
}

function knownKey(key: ApiKey): KnownKey {
  const { name, rate } = key;
  return { key, digest: digestOfKey(key), ...(rate && { limit: new RequestLimit(name, rate) }) };
}

const DIGEST = new RegExp(`^${DIGEST_PREFIX}([0-9a-f]{64})$`, "i");

/** Returns the SHA-256 digest of a key's secret. */
export function digestOfKey({ secret }: ApiKey): Uint8Array {
  const hex = DIGEST.exec(secret)?.[1];
  return hex === undefined ? sha256(secret) : Uint8Array.fromHex(hex);
}

/** Returns the secret of `Authorization: Bearer SECRET`, or undefined if there is none. */
export function bearerOf({ headers }: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

/** Returns whether a bearer token has the form of a JSON Web Token. */
export function isJsonWebToken(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}

/** Compares two digests in constant time. */
export function isSameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return nodeCrypto().timingSafeEqual(a, b);
}

function unauthorized(detail: string): Problem {
  return new Problem("unauthorized", detail, { headers: { "www-authenticate": "Bearer" } });
}
