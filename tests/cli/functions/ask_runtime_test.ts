import assert from "node:assert/strict";
import { askRuntime } from "../../../runtime/cli/functions/ask_runtime.ts";
import { adminGuard } from "../../../runtime/http/admin/guard.ts";
import { router } from "../../../runtime/http/router.ts";

for (
  const [what, options, key, source] of [
    [
      "other machines reach, without a key",
      { key: undefined, exposed: true },
      undefined,
      /: other machines reach .*KEY/,
    ],
    ["has another key", { key: "right", exposed: false }, "wrong", /: send WEIR_ADMIN_KEY as/],
    ["has nothing there", { key: undefined, exposed: false }, undefined, /: nothing is at \/functions$/],
  ] as const
) {
  Deno.test(`askRuntime says why a process does not answer that ${what}`, async () => {
    const guard = adminGuard({ ...options, host: "0.0.0.0" });
    const handler = router([], { guard, problemOf: (error) => error as never });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
    const url = `http://127.0.0.1:${server.addr.port}/functions`;
    const answer = await askRuntime(url, key, { project: "shop", namespace: undefined });
    await server.shutdown();
    assert.equal(answer.status, undefined);
    assert.match(answer.source, source);
    assert.ok(answer.source.startsWith(`${url} refuses the request: `));
  });
}
