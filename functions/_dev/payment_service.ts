/**
 * Stands in for a payment provider: a real HTTP server that `deno task dev` runs beside the functions.
 *
 *     POST /charges  {"orderId", "amount"} with an Idempotency-Key → 201 {"chargeId"}, or 402 {"reason"}
 *     GET  /charges  → {"charges", "repeats"}
 *
 * A second port makes it misbehave: `curl -X PUT 127.0.0.1:7071/mode -d down` (or `slow`, `failing`, `ok`).
 *
 * @module
 */

/** `slow` takes half a minute, `failing` answers 500, `down` refuses every connection. */
const MODES = ["ok", "slow", "failing", "down"] as const;
type Mode = typeof MODES[number];

const SLOW_MS = 30_000;
/** In cents: more than this no customer here can pay. */
const CREDIT_LIMIT = 100_000;

/** A payment service that is up. */
export interface PaymentService extends AsyncDisposable {
  readonly url: string;
  readonly charges: ReadonlyMap<string, string>;
  setMode(mode: Mode): Promise<void>;
}

/** Starts the service; port 0 takes any that is free. */
export function startPaymentService(port: number, hostname = "127.0.0.1"): PaymentService {
  const charges = new Map<string, string>();
  let mode: Mode = "ok", repeats = 0;
  const serve = (on: number) =>
    Deno.serve({ hostname, port: on, onListen: () => {} }, async (request) => {
      if (request.method === "GET") return Response.json({ charges: charges.size, repeats });
      const { orderId, amount } = await request.json();
      if (mode === "failing") return Response.json({ reason: "out of order" }, { status: 500 });
      if (mode === "slow") await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      if (amount > CREDIT_LIMIT) return Response.json({ reason: "over the credit limit" }, { status: 402 });
      const key = request.headers.get("idempotency-key") ?? orderId;
      if (charges.has(key)) repeats++;
      else charges.set(key, crypto.randomUUID());
      return Response.json({ chargeId: charges.get(key) }, { status: 201 });
    });
  let server: ReturnType<typeof serve> | undefined = serve(port);
  const { port: taken } = server.addr;
  const close = async () => {
    const closing = server;
    server = undefined;
    await closing?.shutdown();
  };
  return {
    url: `http://${hostname}:${taken}`,
    charges,
    setMode: async (next) => {
      mode = next;
      if (next === "down") await close();
      else server ??= serve(taken);
    },
    [Symbol.asyncDispose]: close,
  };
}

if (import.meta.main) {
  const hostname = Deno.env.get("PAYMENT_HOST") ?? "127.0.0.1";
  const port = Number(Deno.env.get("PAYMENT_PORT") ?? 7070);
  const control = { hostname, port: Number(Deno.env.get("PAYMENT_CONTROL_PORT") ?? 7071) };
  try {
    const service = startPaymentService(port, hostname);
    Deno.serve({ ...control, onListen: () => {} }, async (request) => {
      const asked = (await request.text()).trim();
      const next = MODES.find((known) => known === asked);
      if (!next) return new Response(`say one of: ${MODES.join(", ")}\n`, { status: 400 });
      await service.setMode(next);
      return new Response(`the payment service is now: ${next}\n`);
    });
    console.log(
      `payment service on ${service.url}; its switch: curl -X PUT http://${hostname}:${control.port}/mode -d down`,
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    console.error(
      `payment service: port ${port} or ${control.port} is taken: set PAYMENT_PORT (with PAYMENT_URL) or PAYMENT_CONTROL_PORT`,
    );
    Deno.exit(1);
  }
}
