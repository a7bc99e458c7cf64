import assert from "node:assert/strict";
import { runOrder } from "./order_fixture.ts";

/**
 * Milliseconds a process may take to exit after its last line, on a loaded machine. An export times out after two
 * seconds.
 */
const LINGER_MS = 30_000;

Deno.test("setupTracing without an endpoint does not delay exit", async () => {
  const run = await runOrder({});
  assert.deepEqual([run.status, run.exportsTo], [202, null]);
  assert.ok(run.shutdownMs < LINGER_MS, `shutting down took ${run.shutdownMs} ms`);
  assert.ok(run.lingeredMs < LINGER_MS, `it exited after ${run.lingeredMs} ms`);
});

Deno.test("setupTracing with an unreachable collector does not delay exit", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const run = await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  assert.equal(run.status, 202);
  assert.ok(run.shutdownMs < LINGER_MS, `shutting down took ${run.shutdownMs} ms`);
  assert.ok(run.lingeredMs < LINGER_MS, `it exited after ${run.lingeredMs} ms`);
});

Deno.test("setupTracing with a collector that never answers does not delay exit", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  try {
    const { port } = listener.addr as Deno.NetAddr;
    const run = await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    assert.equal(run.status, 202);
    assert.ok(run.shutdownMs < LINGER_MS, `shutting down took ${run.shutdownMs} ms`);
    assert.ok(run.lingeredMs < LINGER_MS, `it exited after ${run.lingeredMs} ms`);
  } finally {
    listener.close();
    await accepting;
    for (const connection of connections) connection.close();
  }
});
