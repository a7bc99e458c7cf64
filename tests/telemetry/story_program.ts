/**
 * Processes an order on a real server: a failure and its retry, a delayed retry, a breaker that opens, a dead letter,
 * and its redrive. The last line is what the handlers saw, as JSON.
 */
import { context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { setupTracing } from "../../runtime/telemetry/setup_tracing.ts";

const data = z.object({ orderId: z.string() });
const Created = defineEvent({ type: "orders.created", version: 1, data, ingress: { route: "/orders" } });
const Reserved = defineEvent({ type: "stock.reserved", version: 1, data });
const Paid = defineEvent({ type: "payments.captured", version: 1, data });
const retry = { attempts: 3, initial: "20ms", factor: 1, jitter: "none" } as const;
const tenants: (string | undefined)[] = [];
const seen = () => tenants.push(propagation.getActiveBaggage()?.getEntry("tenant")?.value);

const reserve = defineFunction({ on: Created, emits: [Reserved], retry }, (event, ctx) => {
  seen();
  if (ctx.attempt === 1) throw new Error("the stock is being counted");
  ctx.emit(Reserved, event.data);
});
/** A delay of five seconds or more is a delayed retry in RETRIES; a shorter one is a nak. */
const wait = Deno.args.includes("--delay") ? "5s" : "20ms";
let payments = 0;
const breaker = { consecutiveFailures: 2, openFor: "10ms" } as const;
const capture = defineFunction({ on: Reserved, emits: [Paid], retry, breaker }, async (event, ctx) => {
  seen();
  if (payments === 0 && ctx.attempt === 1) throw new RetryAfterError(wait, "the bank is closed");
  payments++;
  const response = await fetch(`${Deno.env.get("PAYMENT_URL")}/charge?card=4111`, { method: "POST", body: "{}" });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`payment answered ${response.status}`);
  ctx.emit(Paid, event.data);
});

await context.with(ROOT_CONTEXT, async () => {
  const tracing = await setupTracing((name) => Deno.env.get(name), "story");
  const runtime = await startTestRuntime({ functions: { reserve, capture }, env: { LOG_FORMAT: "json" } });
  const response = await fetch(`${runtime.url}/orders`, {
    method: "POST",
    body: JSON.stringify({ orderId: "o1" }),
    headers: {
      "content-type": "application/json",
      "idempotency-key": "order-1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      baggage: "tenant=acme",
    },
  });
  await response.body?.cancel();
  await runtime.waitForDeadLetter("capture");
  await new Promise((resolve) => setTimeout(resolve, 20)); // the breaker is open for half of that
  const letters = await (await fetch(`${runtime.adminUrl}/dead-letters`)).json();
  const redrive = `${runtime.adminUrl}/dead-letters/${letters[0].sequence}/redrive`;
  await (await fetch(redrive, { method: "POST" })).body?.cancel();
  const paid = await runtime.waitForEvent(Paid);
  await runtime.stop();
  await tracing.shutdown();
  console.log(JSON.stringify({ status: response.status, tenants, baggage: paid.headers.baggage }));
});
