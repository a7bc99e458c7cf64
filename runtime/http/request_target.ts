import { malformed, type Problem } from "./problem.ts";

/**
 * Name, IPv4 address or IPv6 address in brackets, with or without a port. DNS has names of up to 253 characters, and
 * spans hold the name.
 */
const HOST = /^([\w.-]{1,253}|\[[\da-f:.]{2,45}\])(:\d{1,5})?$/i;

let lastValid = "";

/**
 * Returns the problem of a request whose host, in `Host` or in its URL, is no `host[:port]`. Deno joins `Host` and the
 * request target into the URL unchecked: with `Host: x/events/a?` a caller would choose the path.
 */
export function targetProblem({ headers, url }: Request): Problem | undefined {
  const host = headers.get("host") ?? "";
  if (host !== "" && !isHost(host)) {
    return malformed("the Host header is not a host name or address, with or without a port");
  }
  const from = url.indexOf("://") + 3;
  // Hot path: the host in the URL is usually that of the `Host` header. It differs if the request target names a host
  // itself (RFC 9112, 3.2.2).
  if (host !== "" && url.startsWith(host, from) && url[from + host.length] === "/") return undefined;
  const authority = /^[^/?#]*/.exec(url.slice(from))![0];
  if (isHost(authority) && url[from + authority.length] === "/") return undefined;
  return malformed("the target of the request is neither a path nor an absolute URL");
}

/** Hot path: requests share a host, so the last one is kept. */
function isHost(text: string): boolean {
  if (text === lastValid) return true;
  if (!HOST.test(text) || !URL.canParse(`http://${text}`)) return false;
  lastValid = text;
  return true;
}
