import { createHash, timingSafeEqual } from "node:crypto";
import { covers } from "../core/subjects.ts";
import { Problem } from "./problem.ts";

export interface ApiKey {
  /** Name of the caller, for the source of its events. */
  readonly name: string;
  readonly secret: string;
  /** Subject pattern of the event types that it may publish. */
  readonly pattern: string;
}

export interface Caller {
  /** Name of its key; undefined when authentication is off. */
  readonly name: string | undefined;
  mayPublish(type: string): boolean;
}

const ANY_CALLER: Caller = { name: undefined, mayPublish: () => true };

/** Authenticates requests by their `Authorization` header. With `none`, every caller may publish every event. */
export class ApiKeys {
  #keys: readonly { readonly key: ApiKey; readonly digest: Uint8Array }[] | "none";

  constructor(keys: readonly ApiKey[] | "none") {
    this.#keys = keys === "none" ? keys : keys.map(withDigest);
  }

  /**
   * Replaces the keys, for requests from now on. Returns whether any key has changed. If authentication is off, it
   * stays off.
   */
  replace(keys: readonly ApiKey[]): boolean {
    const text = (all: readonly ApiKey[]) =>
      JSON.stringify(all.map(({ name, secret, pattern }) => [name, secret, pattern]));
    if (this.#keys === "none" || text(keys) === text(this.#keys.map(({ key }) => key))) return false;
    this.#keys = keys.map(withDigest);
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

  /** Returns the caller. @throws {Problem} 401 without a known key. */
  authenticate(request: Request): Caller {
    if (this.#keys === "none") return ANY_CALLER;
    const secret = bearerOf(request);
    if (secret === undefined) throw unauthorized("send an API key as `Authorization: Bearer <secret>`");
    const digest = digestOf(secret);
    // Compares every key in constant time, so that the duration reveals nothing about a secret.
    const found = this.#keys.filter((known) => timingSafeEqual(known.digest, digest));
    if (found.length === 0) throw unauthorized("the API key is not known");
    return {
      name: found[0].key.name,
      mayPublish: (type) => found.some(({ key }) => covers(key.pattern, type)),
    };
  }
}

function withDigest(key: ApiKey): { readonly key: ApiKey; readonly digest: Uint8Array } {
  return { key, digest: digestOf(key.secret) };
}

/** Returns the secret of `Authorization: Bearer SECRET`, or undefined if there is none. */
export function bearerOf({ headers }: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

export function digestOf(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

function unauthorized(detail: string): Problem {
  return new Problem("unauthorized", detail, { headers: { "www-authenticate": "Bearer" } });
}
