import assert from "node:assert/strict";
import { startTestRuntime } from "weir/testing";
import { problemOf } from "../support/ingress.ts";

Deno.test("GET /dead-letters and /retries answer 503 with Retry-After while NATS is down", async (t) => {
  await using runtime = await startTestRuntime({ functions: {} });
  await runtime.server.kill();
  for (const path of ["/dead-letters", "/dead-letters/1", "/retries"]) {
    await t.step(path, async () => {
      const response = await fetch(`${runtime.adminUrl}${path}`);
      assert.equal(response.headers.get("retry-after"), "5");
      const { status, title, detail } = await problemOf(response);
      assert.deepEqual([status, title], [503, "Service Unavailable"]);
      assert.match(String(detail), /^NATS does not answer: .*; ask again$/);
    });
  }
});
