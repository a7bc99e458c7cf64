import { CSRF_HEADER } from "../../console/access.ts";
import { EXPOSED_HEADER } from "../../http/admin/guard.ts";
import type { Handler, Route } from "../../http/router.ts";

const CONSOLE_ROUTES = [
  { method: "GET", path: "/" },
  { method: "GET", path: "/console" },
  { method: "GET", path: "/console/*" },
  { method: "POST", path: "/console/*" },
  { method: "DELETE", path: "/console/*" },
] as const;
/** Headers of a request for the console that a worker reads. */
const CONSOLE_HEADERS = [
  "accept",
  "authorization",
  "content-type",
  "cookie",
  "if-none-match",
  "x-forwarded-proto",
  CSRF_HEADER,
] as const;

/** Returns the routes of the console. Its pages are open, and its API asks for the key itself. */
export function consoleRoutes(handle: Handler): Route[] {
  return CONSOLE_ROUTES.map((route) => ({ ...route, handle }));
}

/** Returns the headers of a caller of the console. The key of the workers is not among them: it has to send its own. */
export function consoleHeaders({ headers: given }: Request, exposed: boolean): Headers {
  // `fetch` would unpack a compressed body, and the header would say that it is compressed.
  const headers = new Headers({ "accept-encoding": "identity" });
  for (const name of CONSOLE_HEADERS) if (given.has(name)) headers.set(name, given.get(name)!);
  if (exposed) headers.set(EXPOSED_HEADER, "1");
  return headers;
}
