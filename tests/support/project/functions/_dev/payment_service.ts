/** Mock of a payment provider: `POST /charges {"amount"}` with an `idempotency-key`. `dev` runs it as a program. */

/** Highest amount in cents that is not declined. */
const CREDIT_LIMIT = 100_000;

/** A running payment service. */
export interface PaymentService extends AsyncDisposable {
  readonly url: string;
  /** Charge ids by idempotency key. */
  readonly charges: ReadonlyMap<string, string>;
  /** Sets the mode. With `down` every connection is refused. */
  setMode(mode: "ok" | "down"): Promise<void>;
}

/** Starts the service. Port 0 takes any free port. */
export function startPaymentService(port: number): PaymentService {
  const charges = new Map<string, string>();
  const serve = (on: number) =>
    Deno.serve({ hostname: "127.0.0.1", port: on, onListen: () => {} }, async (request) => {
      if (request.method === "GET") return Response.json({ charges: charges.size });
      const { amount } = await request.json(), key = request.headers.get("idempotency-key")!;
      if (amount > CREDIT_LIMIT) return Response.json({ reason: "over the credit limit" }, { status: 402 });
      if (!charges.has(key)) charges.set(key, crypto.randomUUID());
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
    url: `http://127.0.0.1:${taken}`,
    charges,
    setMode: async (mode) => {
      if (mode === "down") await close();
      else server ??= serve(taken);
    },
    [Symbol.asyncDispose]: close,
  };
}

if (import.meta.main) startPaymentService(Number(Deno.env.get("PAYMENT_PORT") ?? 7070));
