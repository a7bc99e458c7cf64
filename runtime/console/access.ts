import { nodeCrypto, sha256 } from "../core/sha256.ts";
import { isExposed } from "../http/admin/guard.ts";
import { bearerOf, isSameDigest } from "../http/api_keys.ts";
import { Problem } from "../http/problem.ts";
import type { ConsoleOptions } from "./options.ts";

/**
 * The rights of a caller. `sign-in`: none before it has sent the key. `no-key`: none, since other machines reach the
 * listener and it has no key.
 */
export type Access = "full" | "read-only" | "sign-in" | "no-key";

/** Header without which nothing is changed. A page of another origin cannot set it. */
export const CSRF_HEADER = "x-weir-console";

const COOKIE = "weir_console";
/** Time for which a sign-in lasts, in milliseconds: a working day. */
const SIGNED_IN_MS = 12 * 3_600_000;
/** Wrong keys in a minute before sign-in is refused for the rest of it. */
const MAX_WRONG_KEYS = 20;
const MINUTE_MS = 60_000;

/** Decides what a caller may do, by its key or by the cookie that it got for the key. */
export class ConsoleAccess {
  readonly #digest: Uint8Array | undefined;
  #wrongKeys = 0;
  #minute = 0;

  constructor(readonly options: Pick<ConsoleOptions, "mode" | "key" | "exposed">) {
    this.#digest = options.key === undefined ? undefined : sha256(options.key);
  }

  of(request: Request, nowMs: number): Access {
    const { mode, exposed } = this.options, allowed = mode === "on" ? "full" : "read-only";
    if (this.#digest === undefined) return exposed || isExposed(request) ? "no-key" : allowed;
    const bearer = bearerOf(request);
    if (bearer !== undefined && isSameDigest(sha256(bearer), this.#digest)) return allowed;
    return this.#isSignedIn(request, nowMs) ? allowed : "sign-in";
  }

  /** @throws {Problem} 401 or 403 if the caller may not make this request. */
  check(request: Request, nowMs: number): void {
    const access = this.of(request, nowMs);
    if (access === "no-key") {
      throw new Problem("unauthorized", "other machines reach this listener: set WEIR_ADMIN_KEY to use the console");
    }
    if (access === "sign-in") throw new Problem("unauthorized", "sign in with WEIR_ADMIN_KEY");
    if (isReading(request)) return;
    if (access === "read-only") {
      throw new Problem("forbidden", "the console is read-only: WEIR_CONSOLE=on allows changes");
    }
    checkHeader(request);
  }

  /**
   * Returns the `Set-Cookie` header for a caller that knows the key.
   *
   * @throws {Problem} 401 for another key; 429 after many wrong ones.
   */
  signIn(request: Request, key: string, nowMs: number): string {
    checkHeader(request);
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute !== this.#minute) [this.#minute, this.#wrongKeys] = [minute, 0];
    if (this.#wrongKeys >= MAX_WRONG_KEYS) {
      throw new Problem("too-many-requests", "too many wrong keys: try again in a minute", {
        headers: { "retry-after": "60" },
      });
    }
    if (this.#digest === undefined || !isSameDigest(sha256(key), this.#digest)) {
      this.#wrongKeys++;
      throw new Problem("unauthorized", "this is not WEIR_ADMIN_KEY");
    }
    const untilMs = nowMs + SIGNED_IN_MS;
    return cookie(request, `${untilMs}.${this.#signatureOf(untilMs)}`, SIGNED_IN_MS / 1_000);
  }

  signOut(request: Request): string {
    checkHeader(request);
    return cookie(request, "", 0);
  }

  #isSignedIn({ headers }: Request, nowMs: number): boolean {
    const value = new RegExp(`(?:^|; *)${COOKIE}=(\\d{1,16})\\.([\\w-]+)`).exec(headers.get("cookie") ?? "");
    if (!value) return false;
    const [, until, signature] = value;
    return Number(until) > nowMs && isSameDigest(sha256(signature), sha256(this.#signatureOf(Number(until))));
  }

  /** Signed with the key: a new key ends every sign-in, on all replicas. */
  #signatureOf(untilMs: number): string {
    return nodeCrypto().createHmac("sha256", this.options.key!).update(`${COOKIE} until ${untilMs}`).digest(
      "base64url",
    );
  }
}

function isReading({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function checkHeader({ headers }: Request): void {
  if (!headers.has(CSRF_HEADER)) throw new Problem("forbidden", `send the header ${CSRF_HEADER}: 1 with a change`);
}

function cookie({ headers, url }: Request, value: string, seconds: number): string {
  const secure = url.startsWith("https:") || headers.get("x-forwarded-proto") === "https" ? "; Secure" : "";
  return `${COOKIE}=${value}; Path=/console; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}
