/**
 * A mock payment provider: an HTTP server that `deno task dev` runs beside the functions.
 *
 *     POST /charges  {"orderId", "amount"} with an Idempotency-Key → 201 {"chargeId"}, or 402 {"reason"}
 *     GET  /charges  → {"charges", "repeats"}
 *
 * A second port sets its mode: `curl -X PUT 127.0.0.1:7071/mode -d down` (or `slow`, `failing`, `ok`).
 *
 * @module
 */

/** Modes: `slow` answers after half a minute, `failing` answers 500, `down` refuses every connection. */
const MODES = ["ok", "slow", "failing", "down"] as const;
type Mode = typeof MODES[number];

const SLOW_MS = 30_000;
/** Cents. A larger charge is declined. */
const CREDIT_LIMIT = 100_000;

/** A running payment service. */
export interface PaymentService extends AsyncDisposable {
  readonly url: string;
  readonly charges: ReadonlyMap<string, string>;
  setMode(mode: Mode): Promise<void>;
}

/** Starts the service. Port 0 takes a free port. */
export function startPaymentService(port: number, hostname = "127.0.0.1"): PaymentService {
  const charges = new Map<string, string>();
  let mode: Mode = "ok", repeats = 0;
  const listen = (port: number) =>
    Deno.serve({ hostname, port, onListen: () => {} }, async (request) => {
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
  let server: ReturnType<typeof listen> | undefined = listen(port);
  const { port: listening } = server.addr;
  const close = async () => {
    const closing = server;
    server = undefined;
    await closing?.shutdown();
  };
  return {
    url: `http://${hostname}:${listening}`,
    charges,
    setMode: async (next) => {
      mode = next;
      if (next === "down") await close();
      else server ??= listen(listening);
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
      const text = (await request.text()).trim();
      const next = MODES.find((mode) => mode === text);
      if (!next) return new Response(`send one of: ${MODES.join(", ")}\n`, { status: 400 });
      await service.setMode(next);
      return new Response(`the payment service is now: ${next}\n`);
    });
    console.log(
      `payment service on ${service.url}; to set its mode: curl -X PUT http://${hostname}:${control.port}/mode -d down`,
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    console.error(
      `payment service: port ${port} or ${control.port} is taken: set PAYMENT_PORT (with PAYMENT_URL) or PAYMENT_CONTROL_PORT`,
    );
    Deno.exit(1);
  }
}
