import { malformed } from "../http/problem.ts";
import { type Route, route } from "../http/router.ts";
import type { ConsoleAccess } from "./access.ts";
import type { ConsoleOptions } from "./options.ts";
import { bodyOf } from "./request_json.ts";

/** Longest body with a key, in bytes: a caller without one may send it. */
const MAX_SIGN_IN_BYTES = 16_384;

/** Returns the routes that need no key: who the caller is, and how it signs in and out. */
export function sessionRoutes(options: ConsoleOptions, access: ConsoleAccess): Route[] {
  const { dev, traceUrl, identity: { namespace, nats }, registry: { project, version } } = options;
  const shown = { project, version, namespace, nats, traceUrl };
  return [
    route("GET", "/console/api/session", (request) => {
      const allowed = access.of(request, Date.now()), isIn = allowed === "full" || allowed === "read-only";
      return Response.json({ access: allowed, dev, signedIn: isIn && options.key !== undefined, ...(isIn && shown) });
    }),
    route("POST", "/console/api/sign-in", async (request) => {
      const { key } = await bodyOf(request, ["key"], MAX_SIGN_IN_BYTES);
      if (typeof key !== "string") throw malformed("key: send the key as a text");
      return new Response(null, { status: 204, headers: { "set-cookie": access.signIn(request, key, Date.now()) } });
    }),
    route("POST", "/console/api/sign-out", (request) => {
      return new Response(null, { status: 204, headers: { "set-cookie": access.signOut(request) } });
    }),
  ];
}
