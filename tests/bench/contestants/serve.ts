/**
 * An ingress written by hand: `Deno.serve`, zod and `js.publish()`. As `careful` it also has a span, a counter and a
 * response for errors.
 */
import { jetstream } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { SpanKind } from "@opentelemetry/api";
import { type Order, SUBJECT } from "../order.ts";
import { OrderSchema } from "../order_schema.ts";
import { carefulTracing } from "./careful_tracing.ts";
import { printLine } from "./harness.ts";

const { url, kind } = JSON.parse(Deno.args[0]) as { url: string; kind: "bare" | "careful" };
const nc = await connect({ servers: url, maxReconnectAttempts: -1 });
const js = jetstream(nc);
const respond = async (request: Request) => request.url.endsWith("/events") ? await many(request) : await one(request);
const tracing = kind === "careful" ? carefulTracing() : undefined;
const counts = new Map<number, number>();

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  if (!tracing) return respond(request);
  return tracing.tracer.startActiveSpan("POST /orders", { kind: SpanKind.SERVER }, async (span) => {
    span.setAttributes({ "http.request.method": request.method, "http.route": "/orders", "url.scheme": "http" });
    const response = await respond(request).catch((error) => Response.json({ error: String(error) }, { status: 503 }));
    span.setAttribute("http.response.status_code", response.status);
    counts.set(response.status, (counts.get(response.status) ?? 0) + 1);
    span.end();
    return response;
  });
});
printLine("ready", { url: `http://127.0.0.1:${server.addr.port}` });
for await (const _ of Deno.stdin.readable) { /* until the bench closes it or ends */ }
await server.shutdown();
await nc.drain();
printLine("stopped", { spansEnded: await tracing?.shutdown() });
Deno.exit(0);

async function one(request: Request): Promise<Response> {
  const parsed = OrderSchema.safeParse(await request.json());
  if (!parsed.success) return Response.json({ errors: parsed.error.issues }, { status: 400 });
  return Response.json(await publish(parsed.data, crypto.randomUUID()), { status: 202 });
}

async function many(request: Request): Promise<Response> {
  const events: { readonly id: string; readonly data: Order }[] = [];
  for (const line of (await request.text()).split("\n")) {
    if (line === "") continue;
    const { id, data } = JSON.parse(line), parsed = OrderSchema.safeParse(data);
    if (!parsed.success) return Response.json({ errors: parsed.error.issues }, { status: 400 });
    events.push({ id, data: parsed.data });
  }
  const stored = await Promise.all(events.map(({ id, data }) => publish(data, id)));
  return Response.json(stored, { status: 202 });
}

async function publish(data: Order, id: string) {
  const hdrs = headers();
  hdrs.set("ce-specversion", "1.0");
  hdrs.set("ce-id", id);
  hdrs.set("ce-type", SUBJECT);
  hdrs.set("ce-source", "/ingress");
  hdrs.set("ce-time", new Date().toISOString());
  hdrs.set("content-type", "application/json");
  const { stream, seq, duplicate } = await js.publish(SUBJECT, JSON.stringify(data), { msgID: id, headers: hdrs });
  return { id, type: SUBJECT, stream, sequence: seq, duplicate };
}
