import assert from "node:assert/strict";
import { listen } from "../../runtime/http/listen.ts";

Deno.test("Listener.stop(0) stops at once, with or without a pending request, and throws nothing", async () => {
  const asked = Promise.withResolvers<void>();
  const app = () => {
    asked.resolve();
    return new Promise<Response>(() => {});
  };
  for (let i = 0; i < 20; i++) {
    const listener = listen("127.0.0.1", 0, "PORT", app), stopped = listener.stop(0);
    const fromMs = performance.now();
    // A start that fails blocks the thread after it has stopped its listeners. A stop that first shuts the server down
    // and then aborts it throws outside any promise when the thread goes on, which hid why the start failed.
    while (performance.now() - fromMs < 2);
    await stopped;
    assert.match(listener.problem()!, /^no longer listening on /);
  }
  const listener = listen("127.0.0.1", 0, "PORT", app);
  const answer = fetch(`${listener.url}/slow`).then((response) => response.status, () => "none");
  await asked.promise;
  await listener.stop(0);
  assert.equal(await answer, "none");
});
