import assert from "node:assert/strict";
import { runOrder } from "../order_fixture.ts";

/** Bounds how long a process takes to be gone, on a loaded machine too: an export is given up after two seconds. */
const LINGER_MS = 30_000;
/** A shutdown that waited for an export would take two seconds at the least. */
const AT_ONCE_MS = 1_900;

Deno.test("with nowhere to send spans to the process is gone as soon as it is done", async () => {
  const run = await runOrder({});
  assert.deepEqual([run.status, run.exportsTo], [202, null]);
  assert.ok(run.shutdownMs < AT_ONCE_MS, `shutting down took ${run.shutdownMs} ms`);
  assert.ok(run.lingeredMs < LINGER_MS, `it was gone after ${run.lingeredMs} ms`);
});

Deno.test("a collector that is not there does not keep the process", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const run = await runOrder({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  assert.equal(run.status, 202);
  assert.ok(run.shutdownMs < LINGER_MS, `shutting down took ${run.shutdownMs} ms`);
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
    assert.ok(run.shutdownMs < LINGER_MS, `shutting down took ${run.shutdownMs} ms`);
    assert.ok(run.lingeredMs < LINGER_MS, `it was gone after ${run.lingeredMs} ms`);
  } finally {
    listener.close();
    await accepting;
    for (const connection of connections) connection.close();
  }
});
