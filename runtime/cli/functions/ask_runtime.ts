import type { FunctionStatus } from "../../http/admin/function_routes.ts";
import { identityIn, ownerText, type RuntimeIdentity } from "../../http/admin/runtime_identity.ts";

/** Milliseconds that a process may take to answer. A supervisor waits for its workers. */
const TIMEOUT_MS = 4_000;

/** Answer of a process, and a line that names the process. Without a status no process of this project answers. */
export interface RuntimeAnswer {
  readonly status?: readonly FunctionStatus[];
  readonly source: string;
}

/**
 * Asks the admin listener at a URL for the status of its functions. The status of another project or namespace is left
 * out: a process of any project may listen on the default port.
 *
 * @param key Secret of the listener; undefined for none.
 */
export async function askRuntime(
  url: string,
  key: string | undefined,
  own: Omit<RuntimeIdentity, "nats">,
): Promise<RuntimeAnswer> {
  const none = { source: `no runtime answers at ${url} (ADMIN_HOST, ADMIN_PORT)` };
  try {
    const headers: HeadersInit = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const isRefused = response.headers.get("content-type") === "application/problem+json" && response.status < 500;
    if (isRefused) return { source: `${url} refuses the request: ${(await response.json()).detail}` };
    const status = response.ok ? await response.json() : undefined;
    // Another program, or an older version, may listen on that port.
    if (!Array.isArray(status) || !status.every(({ policy }) => policy)) return none;
    const identity = identityIn(response.headers);
    if (!identity) return { status, source: `from ${url}` };
    const { project, namespace, nats } = identity, what = `${ownerText(identity)}, NATS ${nats}`;
    if (project === own.project && namespace === own.namespace) return { status, source: `from ${url}: ${what}` };
    return { source: `no runtime of this ${ownerText(own)} answers: at ${url} (ADMIN_HOST, ADMIN_PORT) is ${what}` };
  } catch {
    return none;
  }
}
