import { createHash, timingSafeEqual } from "node:crypto";
import { covers } from "../core/subjects.ts";
import { Problem } from "./problem.ts";

/** Who may publish what. */
export interface ApiKey {
  /** Who it is: for the event's source and the log. */
  readonly name: string;
  readonly secret: string;
  /** The event types it is good for: a subject pattern. */
  readonly pattern: string;
}

/** Checks the `Authorization` header of a request. `none` lets everybody publish everything. */
export class ApiKeys {
  readonly #keys: readonly { readonly key: ApiKey; readonly digest: Uint8Array }[] | "none";

  constructor(keys: readonly ApiKey[] | "none") {
    this.#keys = keys === "none" ? keys : keys.map((key) => ({ key, digest: digestOf(key.secret) }));
  }

  /** @throws {Problem} 401 when the request has no known key. */
  authenticate(request: Request): Caller {
    if (this.#keys === "none") return { name: undefined, mayPublish: () => true };
    const authorization = request.headers.get("authorization") ?? "";
    const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (secret === undefined) throw unauthorized("send an API key as `Authorization: Bearer <secret>`");
    const digest = digestOf(secret);
    // Every key is compared, and in constant time: how long it takes says nothing about any of them.
    const found = this.#keys.filter((known) => timingSafeEqual(known.digest, digest));
    if (found.length === 0) throw unauthorized("the API key is not known");
    return {
      name: found[0].key.name,
      mayPublish: (type) => found.some(({ key }) => covers(key.pattern, type)),
    };
  }
}

/** Who sent a request. */
export interface Caller {
  /** The key's name; undefined where no key is asked for. */
  readonly name: string | undefined;
  mayPublish(type: string): boolean;
}

function digestOf(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

function unauthorized(detail: string): Problem {
  return new Problem(401, "Unauthorized", detail, { headers: { "www-authenticate": "Bearer" } });
}
