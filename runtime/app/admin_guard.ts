import { adminGuard, type RequestGuard } from "../http/admin/guard.ts";
import { type Config, LOOPBACK } from "./config.ts";

/** Returns the guard of the admin listener of a process, of a supervisor or of `dev`. */
export function guardOf({ ADMIN_HOST: host, WEIR_ADMIN_KEY: key }: Config): RequestGuard {
  return adminGuard({ key, host, exposed: !LOOPBACK.test(host) });
}
