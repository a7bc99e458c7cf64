/** An effect of a handler, recorded outside the process that may be killed. Times are of the chaos process's clock. */
export interface Effect {
  readonly fn: string;
  readonly n: number;
  readonly attempt: number;
  readonly pid: number;
  readonly atMs: number;
  /** The time from publish to handler, for handlers that measure it. */
  readonly latencyMs?: number;
}

/** An HTTP server that records every effect. */
export class Ledger implements AsyncDisposable {
  readonly effects: Effect[] = [];
  readonly #seen = new Map<string, Set<number>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const told = await request.json();
      const effect: Effect = { ...told, atMs: performance.now() };
      this.effects.push(effect);
      this.#of(effect.fn).add(effect.n);
      return new Response(null, { status: 204 });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Returns how many different events a function has handled. */
  distinct(fn: string): number {
    return this.#of(fn).size;
  }

  #of(fn: string): Set<number> {
    const seen = this.#seen.get(fn) ?? new Set<number>();
    this.#seen.set(fn, seen);
    return seen;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}
