import { styleText } from "node:util";
import { ENVIRONMENT, LOOPBACK } from "../app/config.ts";
import { systemClock } from "../engine/system_clock.ts";
import { EXPOSED_HEADER, type RequestGuard } from "../http/admin/guard.ts";
import { Problem } from "../http/problem.ts";
import { targetProblem } from "../http/request_target.ts";
import { withTimeout } from "../nats/client/with_timeout.ts";
import { firstFreePort, listeningProcess } from "./ports.ts";

/** Milliseconds that a request waits for a target before it is answered with 503. */
const HOLD_MS = 10_000;
/** Upper bound in milliseconds for the wait until a replaced target has answered its requests. */
const IDLE_MS = 10_000;
/** Headers of a connection, which are not forwarded (RFC 9110, 7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/**
 * An HTTP listener that forwards requests to a target, which may change at any time. A reload refuses no request: while
 * there is no target, requests are held for a while, then answered with the reason.
 */
export class ReloadProxy {
  #target: string | undefined;
  #reason = "dev is starting";
  #targetSet = Promise.withResolvers<void>();
  /** Requests in flight by target, and a function that runs when the last one is answered. */
  readonly #inFlight = new Map<string, { count: number; onIdle: () => void }>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #abort = new AbortController();
  readonly #exposed: boolean;
  /** Aborted with the reason while the target is blocked. */
  #blocked = new AbortController();

  /**
   * @param holdMs Milliseconds that a request waits for a target. Default: 10,000.
   * @param guard Refuses requests to an admin listener, since the target sees another host. Default: it is a public one.
   * @throws {Deno.errors.AddrInUse} when the port is in use.
   */
  constructor(hostname: string, port: number, readonly holdMs = HOLD_MS, readonly guard?: RequestGuard) {
    this.#exposed = guard !== undefined && !LOOPBACK.test(hostname);
    const options = { hostname, port, signal: this.#abort.signal, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => {
      const problem = targetProblem(request) ?? guard?.(request);
      return problem?.toResponse() ?? this.#respond(request);
    });
  }

  get url(): string {
    const { hostname, port } = this.#server.addr;
    return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  /**
   * Forwards requests to a target from now on, and resolves once the previous target has answered its requests.
   *
   * @param reason Text of the answer while there is no target. Default: empty.
   */
  async route(target: string | undefined, reason = ""): Promise<void> {
    const previous = this.#target;
    this.setBlocked(undefined);
    this.#target = target;
    this.#reason = reason;
    if (target !== undefined) {
      this.#targetSet.resolve();
      this.#targetSet = Promise.withResolvers();
    }
    const inFlight = previous === undefined ? undefined : this.#inFlight.get(previous);
    if (!inFlight || inFlight.count === 0 || previous === target) return;
    const idle = new Promise<void>((resolve) => inFlight.onIdle = resolve);
    await withTimeout(systemClock, IDLE_MS, idle).catch(() => {});
  }

  /**
   * Answers requests with 503 and this reason from now on, including requests in flight. With undefined, forwards them
   * again.
   */
  setBlocked(reason: string | undefined): void {
    if (reason !== undefined) this.#blocked.abort(reason);
    else if (this.#blocked.signal.aborted) this.#blocked = new AbortController();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#server.finished;
  }

  async #respond(request: Request): Promise<Response> {
    const target = this.#target ?? await this.#waitForTarget(), { signal } = this.#blocked;
    if (target === undefined) return unavailable(`no functions are running: ${this.#reason}`);
    const inFlight = this.#inFlight.get(target) ?? { count: 0, onIdle: () => {} };
    this.#inFlight.set(target, inFlight);
    inFlight.count++;
    try {
      return await forward(request, target, signal, { isAdmin: this.guard !== undefined, exposed: this.#exposed });
    } catch (error) {
      if (signal.aborted) return unavailable(signal.reason);
      return new Problem("bad-gateway", `the runtime did not respond: ${(error as Error).message}`).toResponse();
    } finally {
      inFlight.count--;
      if (inFlight.count === 0) inFlight.onIdle();
      if (inFlight.count === 0 && this.#target !== target) this.#inFlight.delete(target);
    }
  }

  async #waitForTarget(): Promise<string | undefined> {
    await withTimeout(systemClock, this.holdMs, this.#targetSet.promise).catch(() => {});
    return this.#target;
  }
}

function unavailable(detail: string): Response {
  return new Problem("unavailable", detail, { headers: { "retry-after": "1" } }).toResponse();
}

interface Listener {
  readonly isAdmin: boolean;
  /** Whether other machines reach it: the target sees a request from this one. */
  readonly exposed: boolean;
}

async function forward(
  request: Request,
  target: string,
  signal: AbortSignal,
  { isAdmin, exposed }: Listener,
): Promise<Response> {
  const { pathname, search, host } = new URL(request.url);
  const requestHeaders = new Headers(request.headers);
  // The admin listener of the target has another origin. The public one decides by the origin which pages may call it.
  for (const name of isAdmin ? [...HOP_BY_HOP, "origin", "sec-fetch-site"] : HOP_BY_HOP) requestHeaders.delete(name);
  requestHeaders.set("x-forwarded-host", host);
  requestHeaders.set("accept-encoding", "identity"); // `fetch` would unpack the body, and the header would say gzip
  if (exposed) requestHeaders.set(EXPOSED_HEADER, "1");
  const { method, body } = request;
  const response = await fetch(target + pathname + search, {
    method,
    headers: requestHeaders,
    body,
    signal,
    redirect: "manual",
  });
  const headers = new Headers(response.headers);
  for (const name of HOP_BY_HOP) headers.delete(name);
  return new Response(response.body, { status: response.status, headers });
}

/**
 * Opens a proxy on the port of an environment variable. A default port that is in use is replaced by the next free one.
 *
 * @param guard As of {@linkcode ReloadProxy}.
 * @throws {Error} when the variable sets the port and it is in use, or no port nearby is free.
 */
export async function openProxy(
  variable: "PORT" | "ADMIN_PORT",
  host: string,
  port: number,
  print: (line: string) => void,
  guard?: RequestGuard,
): Promise<ReloadProxy> {
  try {
    return new ReloadProxy(host, port, HOLD_MS, guard);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      throw new Error(`cannot listen on ${host}:${port}: ${(error as Error).message}`, { cause: error });
    }
    const free = firstFreePort(host, port), user = await listeningProcess(port) ?? "another process";
    const inUse = `port ${port} is in use by ${user}`;
    if (free === undefined) throw new Error(`${inUse}, and the next ports are in use too: set ${variable}`);
    if (ENVIRONMENT.get(variable)) throw new Error(`${inUse}: stop it, or try ${variable}=${free}`);
    print(styleText("yellow", `${inUse}: using ${variable}=${free}`));
    return new ReloadProxy(host, free, HOLD_MS, guard);
  }
}
