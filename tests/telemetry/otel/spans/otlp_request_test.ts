import assert from "node:assert/strict";
import { runOrder } from "../../order_fixture.ts";

/** A collector that responds with these statuses, then with 200. */
function setup(...statuses: number[]) {
  const requests: { path: string; headers: Headers; names: string[] }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const zipped = request.headers.get("content-encoding") === "gzip";
    const body = zipped ? request.body!.pipeThrough(new DecompressionStream("gzip")) : request.body!;
    const { resourceSpans } = await new Response(body).json();
    const names = resourceSpans[0].scopeSpans[0].spans.map(({ name }: { name: string }) => name);
    requests.push({ path: new URL(request.url).pathname, headers: request.headers, names });
    return new Response("{}", { status: statuses.shift() ?? 200, headers: { "retry-after": "0" } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const SPANS = ["POST /events/{type}", "process reserveInventory", "publish orders.created"];

Deno.test("otlpSpans sends headers and compression of the environment to the path of the signal", async () => {
  await using collector = setup();
  await runOrder({
    OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/otlp`,
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=acme,x-key=general",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-key=traces",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
  });
  assert.equal(collector.requests.length, 1);
  const [{ path, headers, names }] = collector.requests;
  assert.deepEqual([path, headers.get("content-encoding")], ["/otlp/v1/traces", "gzip"]);
  assert.deepEqual([headers.get("x-tenant"), headers.get("x-key")], ["acme", "traces"]);
  assert.deepEqual(names.toSorted(), SPANS);
});

Deno.test("otlpSpans sends the same spans again to a collector that is busy", async () => {
  await using collector = setup(503, 429);
  await runOrder({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/spans` });
  assert.deepEqual(collector.requests.map(({ path }) => path), Array(3).fill("/spans"));
  for (const { names } of collector.requests) assert.deepEqual(names.toSorted(), SPANS);
});

Deno.test("otlpSpans does not send refused spans again", async () => {
  await using collector = setup(400);
  await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  assert.equal(collector.requests.length, 1);
});
