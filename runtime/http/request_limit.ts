import { Problem } from "./problem.ts";

/** Requests that a caller may send: at most `limit` at once, and as many in each `perMs` milliseconds. */
export interface RequestRate {
  readonly limit: number;
  readonly perMs: number;
}

/** A token bucket. Each process has its own: replicas together let through as many times the limit. */
export class RequestLimit {
  #tokens: number;
  #atMs: number | undefined;

  constructor(readonly name: string, readonly rate: RequestRate) {
    this.#tokens = rate.limit;
  }

  /** Takes one request. @throws {Problem} 429 if none is left, with the time until there is one */
  take(nowMs: number): void {
    const { limit, perMs } = this.rate;
    this.#tokens = Math.min(limit, this.#tokens + (nowMs - (this.#atMs ?? nowMs)) * limit / perMs);
    this.#atMs = nowMs;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return;
    }
    const waitS = Math.max(1, Math.ceil((1 - this.#tokens) * perMs / limit / 1_000));
    const requests = limit === 1 ? "request" : "requests";
    const detail = `at most ${limit} ${requests} in ${perMs / 1_000} s: try again in ${waitS} s`;
    const headers = { ...this.headers(), "retry-after": String(waitS) };
    throw new Problem("too-many-requests", detail, { headers });
  }

  /** Returns `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10). */
  headers(): Record<string, string> {
    const { limit, perMs } = this.rate, left = Math.floor(this.#tokens);
    const fullInMs = (limit - this.#tokens) * perMs / limit, name = JSON.stringify(this.name);
    return {
      "ratelimit-policy": `${name};q=${limit};w=${Math.ceil(perMs / 1_000)}`,
      ratelimit: `${name};r=${left};t=${Math.ceil(fullInMs / 1_000)}`,
    };
  }
}
