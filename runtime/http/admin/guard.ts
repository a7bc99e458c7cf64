import { sha256 } from "../../core/sha256.ts";
import { bearerOf, isSameDigest } from "../api_keys.ts";
import { Problem } from "../problem.ts";
import { targetProblem } from "../request_target.ts";
import { type Handler, pathOf } from "../router.ts";

/** Names that no page's author can own: addresses, names without a dot, and the domains kept for private use. */
const PRIVATE_HOST = /^(\[[\da-f:.]+\]|[\d.]+|[^.]+|.*\.(localhost|local|internal|svc))$/i;

export interface AdminGuardOptions {
  /**
   * Secret that requests must send, except to the health routes and to the console, which checks its callers itself.
   * Undefined if none is needed.
   */
  readonly key: string | undefined;
  /** Name or address that the listener is bound to. */
  readonly host: string;
}

/**
 * Guards the admin routes: with a key, a request must send it. Without one, no page of another origin may use the
 * browser of an operator, not even under a name that resolves to this address.
 */
export function adminGuard(handler: Handler, { key, host }: AdminGuardOptions): Handler {
  const digest = key === undefined ? undefined : sha256(key);
  return (request) => {
    if (digest && hasKey(request, digest)) return handler(request);
    const asksItself = isConsole(request);
    const problem = targetProblem(request) ?? foreignProblem(request, asksItself && digest ? undefined : host);
    if (problem) return problem.toResponse();
    return digest && !asksItself && !isHealth(request) ? keyMissing().toResponse() : handler(request);
  };
}

/**
 * Returns the problem of a request that a page of another origin makes.
 *
 * @param own Host that is allowed in any case. Undefined if any host is: a name that resolves to this address then has
 * neither the key nor the cookie.
 */
export function foreignProblem({ headers, method }: Request, own: string | undefined): Problem | undefined {
  const host = headers.get("host") ?? "", name = host.replace(/:\d*$/, "");
  if (own !== undefined && name !== own && host !== "" && !PRIVATE_HOST.test(name)) {
    return refused(
      `the host ${JSON.stringify(host)}: use an address or a private name, or set WEIR_ADMIN_KEY and send it`,
    );
  }
  const origin = headers.get("origin");
  if (origin !== null && origin.replace(/^https?:\/\//, "") !== host) {
    return refused(`the origin ${JSON.stringify(origin)}`);
  }
  const site = headers.get("sec-fetch-site") ?? "none";
  const isNavigation = method === "GET" && headers.get("sec-fetch-mode") === "navigate"; // the page cannot read it
  if (site === "none" || site === "same-origin" || isNavigation) return undefined;
  return refused("a page of another origin");
}

function refused(what: string): Problem {
  return new Problem("forbidden", `the admin listener does not answer ${what}`);
}

function keyMissing(): Problem {
  const detail = "send WEIR_ADMIN_KEY as `Authorization: Bearer <key>`";
  return new Problem("unauthorized", detail, { headers: { "www-authenticate": "Bearer" } });
}

function hasKey(request: Request, digest: Uint8Array): boolean {
  const given = bearerOf(request);
  return given !== undefined && isSameDigest(sha256(given), digest);
}

/** Returns whether a request is for the console: its pages ask for the key, and its API needs it or their cookie. */
function isConsole({ url }: Request): boolean {
  return /^\/(console(\/|$)|$)/.test(pathOf(url));
}

function isHealth({ url }: Request): boolean {
  return /^\/health(\/|$)/.test(pathOf(url));
}
