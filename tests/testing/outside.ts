/** Starts a service that charges once for each idempotency key, and for each request without one. */
export function startBank() {
  const charges = new Map<string, number>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
    charges.set(headers.get("idempotency-key") ?? crypto.randomUUID(), 1);
    return Response.json({ charged: charges.size });
  });
  const url = `http://127.0.0.1:${server.addr.port}/charges`;
  return { url, charges, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A database client with private fields. */
export class Table {
  #rows: string[] = [];
  async insert(row: string): Promise<void> {
    await Promise.resolve();
    this.#rows.push(row);
  }
  count(): number {
    return this.#rows.length;
  }
  clear(): void {
    this.#rows = [];
  }
}

/** A list outside of Weir. */
export class Rows {
  readonly rows: string[] = [];
  async insert(row: string): Promise<void> {
    await Promise.resolve();
    this.rows.push(row);
  }
}
