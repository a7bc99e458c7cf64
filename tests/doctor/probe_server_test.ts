import assert from "node:assert/strict";
import { addressesOf, probeServer } from "../../runtime/doctor/probe_server.ts";

Deno.test("probeServer gives up on a server that sends nothing, as one that starts with TLS", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const { problem } = await probeServer(`127.0.0.1:${(listener.addr as Deno.NetAddr).port}`, true);
  assert.match(problem!, /no answer within 1000 ms/);
  (await accepted).close();
});

Deno.test("addressesOf returns hosts and ports, with 4222 where a URL has none", () => {
  assert.deepEqual(addressesOf(["nats://a", "b:4333", "tls://[::1]:4444"]), ["a:4222", "b:4333", "[::1]:4444"]);
});
