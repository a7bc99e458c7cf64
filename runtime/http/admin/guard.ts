import { sha256 } from "../../core/sha256.ts";
import { bearerOf, isSameDigest } from "../api_keys.ts";
import { Problem } from "../problem.ts";
import { pathOf } from "../router.ts";

/** Names that no page's author can own: addresses, names without a dot, and the domains kept for private use. */
const PRIVATE_HOST = /^(\[[\da-f:.]+\]|[\d.]+|[^.]+|.*\.(localhost|local|internal|svc))$/i;
/** Paths of the console: its pages ask for the key, and its API needs it or their cookie. */
const CONSOLE = /^\/(console(\/|$)|$)/;
/** Paths that tell nothing secret: the health, and what problems mean. */
const OPEN = /^\/(health|problems)(\/|$)/;
/** Why a listener that other machines reach answers no more than the health and the metrics. */
const WITHOUT_KEY = "other machines reach this listener, and it has no key: set WEIR_ADMIN_KEY and send it as " +
  "`Authorization: Bearer <key>`, or set ADMIN_HOST=127.0.0.1";
/** Path that Prometheus reads without a key if there is none, from another machine too. */
const METRICS = "/metrics";

/** Header by which `dev` and a supervisor say that other machines reach the listener that they forward from. */
export const EXPOSED_HEADER = "x-weir-exposed";

export interface AdminGuardOptions {
  /** Secret that requests must send. Undefined if there is none. */
  readonly key: string | undefined;
  /** Name or address that the listener is bound to. */
  readonly host: string;
  /** Whether other machines reach the listener. */
  readonly exposed: boolean;
}

/** Returns the problem of a request that may not be answered, before its route is looked for. */
export type RequestGuard = (request: Request) => Problem | undefined;

/**
 * Returns the guard of an admin listener. With a key, a request must send it. Without one, no page of another origin
 * may use the browser of an operator, not even under a name that resolves to this address, and no other machine may
 * read or change anything but the health and the metrics. The health routes and the pages of problems need no key. The
 * console checks its callers itself.
 */
export function adminGuard({ key, host, exposed }: AdminGuardOptions): RequestGuard {
  const digest = key === undefined ? undefined : sha256(key);
  return (request) => {
    if (digest && hasKey(request, digest)) return undefined;
    const path = pathOf(request.url), asksItself = CONSOLE.test(path);
    const foreign = foreignProblem(request, asksItself && digest ? undefined : host);
    if (foreign || asksItself || OPEN.test(path)) return foreign;
    if (digest) return unauthorized("send WEIR_ADMIN_KEY as `Authorization: Bearer <key>`");
    return (exposed || isExposed(request)) && path !== METRICS ? unauthorized(WITHOUT_KEY) : undefined;
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

/** Returns whether other machines reach the listener that a request was forwarded from. */
export function isExposed({ headers }: Request): boolean {
  return headers.has(EXPOSED_HEADER);
}

function unauthorized(detail: string): Problem {
  return new Problem("unauthorized", detail, { headers: { "www-authenticate": "Bearer" } });
}

function hasKey(request: Request, digest: Uint8Array): boolean {
  const given = bearerOf(request);
  return given !== undefined && isSameDigest(sha256(given), digest);
}
