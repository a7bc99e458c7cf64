import { createRemoteJWKSet, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../engine/clock.ts";

/** Milliseconds after which the key set is fetched again, since a key may have been revoked. */
const REFRESH_MS = 10 * 60_000;
/** Milliseconds from a failed fetch to the next one. Each request would wait for the same failure otherwise. */
const PAUSE_MS = 5_000;
/** Milliseconds that a key set is used while no newer one can be fetched: a day bounds the use of a revoked key. */
const MAX_AGE_MS = 24 * 3_600_000;

export interface TokenKeysOptions {
  /** URL of the issuer's public keys, a JSON Web Key Set. */
  readonly keysUrl: string;
  readonly clock: Pick<Clock, "now">;
  /** Is called after each fetch that failed. Default: the error is dropped. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Public keys of an issuer. They are fetched with the first token, every ten minutes, and when a token names a key that
 * is not among them. While the issuer cannot be reached, the last ones serve for up to a day.
 */
export class TokenKeys {
  /** Fetches again for unknown keys alone, at most every 30 seconds. */
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  #fetchedAtMs: number | undefined;
  #nextFetchMs = 0;
  /** Error of the last fetch. Undefined if it succeeded. */
  #failure: unknown;
  #fetching: Promise<void> | undefined;

  constructor(readonly options: TokenKeysOptions) {
    this.#keys = createRemoteJWKSet(new URL(options.keysUrl), { cacheMaxAge: Infinity });
  }

  /** Returns the key of a token. @throws {Error} of the fetch while no keys are known, or `JWKSNoMatchingKey` */
  readonly get: JWTVerifyGetKey = async (header, token) => {
    const nowMs = this.options.clock.now();
    if (nowMs >= this.#nextFetchMs) this.#fetching ??= this.#fetch();
    // During an outage the known keys serve at once, and no token waits for the timeout of a fetch.
    if (this.#failure === undefined || !this.#areKnown(nowMs)) await this.#fetching;
    if (!this.#areKnown(nowMs)) throw this.#failure;
    return await this.#keys(header, token);
  };

  #areKnown(nowMs: number): boolean {
    return this.#fetchedAtMs !== undefined && nowMs < this.#fetchedAtMs + MAX_AGE_MS;
  }

  /** Never rejects. */
  async #fetch(): Promise<void> {
    const { clock, onFailure } = this.options;
    try {
      await this.#keys.reload();
      this.#failure = undefined;
      this.#fetchedAtMs = clock.now();
      this.#nextFetchMs = this.#fetchedAtMs + REFRESH_MS;
    } catch (error) {
      this.#failure = error;
      this.#nextFetchMs = clock.now() + PAUSE_MS;
      onFailure?.(error);
    } finally {
      this.#fetching = undefined;
    }
  }
}
