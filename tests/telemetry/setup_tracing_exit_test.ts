import assert from "node:assert/strict";
import { runOrder } from "./order_fixture.ts";

/** What a process may take to be gone after it is done, on a machine that has much else to do. */
const LINGER_MS = 3_000;

Deno.test("with nowhere to send spans to the process is gone as soon as it is done", async () => {
  const run = await runOrder({});
  assert.deepEqual([run.status, run.exportsTo], [202, null]);
  assert.ok(run.shutdownMs < 100, `shutting down took ${run.shutdownMs} ms`);
  assert.ok(run.lingeredMs < LINGER_MS, `it was gone after ${run.lingeredMs} ms`);
});

Deno.test("a collector that is not there does not keep the process", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const run = await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  assert.equal(run.status, 202);
  assert.ok(run.shutdownMs < 3_000, `shutting down took ${run.shutdownMs} ms`);
  assert.ok(run.lingeredMs < LINGER_MS, `it was gone after ${run.lingeredMs} ms`);
});

Deno.test("a collector that never answers does not keep the process", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  try {
    const { port } = listener.addr as Deno.NetAddr;
    const run = await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    assert.equal(run.status, 202);
    assert.ok(run.shutdownMs < 3_000, `shutting down took ${run.shutdownMs} ms`);
    assert.ok(run.lingeredMs < LINGER_MS, `it was gone after ${run.lingeredMs} ms`);
  } finally {
    listener.close();
    await accepting;
    for (const connection of connections) connection.close();
  }
});
