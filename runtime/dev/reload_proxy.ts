import { Problem } from "../http/problem.ts";

/** How long a request waits for something to run, and what is under way in what ran before for its end. */
const PATIENCE_MS = 10_000;
const IDLE_MS = 10_000;
/** Headers that are about a connection, not about what it carries. */
const HOP = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/**
 * A listener that stays while what answers behind it is replaced: a request is never refused because of a reload. Until
 * something runs it is held; if nothing comes to run, it is answered with why.
 */
export class ReloadProxy {
  #target: string | undefined;
  #why = "it is only starting";
  #changed = Promise.withResolvers<void>();
  readonly #underWay = new Map<string, { count: number; idle: () => void }>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #abort = new AbortController();

  /** @throws {Deno.errors.AddrInUse} */
  constructor(hostname: string, port: number, readonly patienceMs = PATIENCE_MS) {
    const options = { hostname, port, signal: this.#abort.signal, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
  }

  get url(): string {
    const { hostname, port } = this.#server.addr;
    return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  /** Sends requests there from now on. Resolves when what they went to before has answered all that it was sent. */
  async to(target: string | undefined, why = ""): Promise<void> {
    const last = this.#target;
    this.#target = target;
    this.#why = why;
    if (target !== undefined) {
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
    const left = last === undefined ? undefined : this.#underWay.get(last);
    if (!left || left.count === 0 || last === target) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      left.idle = resolve;
      timer = setTimeout(resolve, IDLE_MS);
    });
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#server.finished;
  }

  async #answer(request: Request): Promise<Response> {
    const target = this.#target ?? await this.#wait();
    if (target === undefined) {
      const headers = { "retry-after": "1" };
      return new Problem("unavailable", `nothing runs: ${this.#why}`, { headers }).toResponse();
    }
    const under = this.#underWay.get(target) ?? { count: 0, idle: () => {} };
    this.#underWay.set(target, under);
    under.count++;
    try {
      return await forward(request, target);
    } catch (error) {
      return new Problem("bad-gateway", `the runtime did not answer: ${(error as Error).message}`).toResponse();
    } finally {
      under.count--;
      if (under.count === 0) under.idle();
      if (under.count === 0 && this.#target !== target) this.#underWay.delete(target);
    }
  }

  async #wait(): Promise<string | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, this.patienceMs));
    await Promise.race([this.#changed.promise, over]);
    clearTimeout(timer);
    return this.#target;
  }
}

async function forward(request: Request, target: string): Promise<Response> {
  const { pathname, search, host } = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of HOP) headers.delete(name);
  headers.set("x-forwarded-host", host);
  const { method, body } = request;
  const answer = await fetch(target + pathname + search, { method, headers, body, redirect: "manual" });
  const given = new Headers(answer.headers);
  for (const name of HOP) given.delete(name);
  return new Response(answer.body, { status: answer.status, headers: given });
}
