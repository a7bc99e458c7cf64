import assert from "node:assert/strict";
import { listen } from "../../runtime/http/listen.ts";
import type { Handler } from "../../runtime/http/router.ts";
import { startProgram } from "../support/processes.ts";

const log = { error: () => {}, info: () => {} };
const open = (handler: Handler) => listen({ hostname: "127.0.0.1", port: 0, variable: "PORT", handler, log });

Deno.test("Listener.stop(0) stops at once, with or without a pending request, and throws nothing", async () => {
  const asked = Promise.withResolvers<void>();
  const app = () => {
    asked.resolve();
    return new Promise<Response>(() => {});
  };
  for (let i = 0; i < 20; i++) {
    const listener = open(app), stopped = listener.stop(0);
    const fromMs = performance.now();
    // A start that fails blocks the thread after it has stopped its listeners. A stop that first shuts the server down
    // and then aborts it throws outside any promise when the thread goes on, which hid why the start failed.
    while (performance.now() - fromMs < 2);
    await stopped;
    assert.match(listener.problem()!, /^no longer listening on /);
  }
  const listener = open(app);
  const answer = fetch(`${listener.url}/slow`).then((response) => response.status, () => "none");
  await asked.promise;
  await listener.stop(0);
  assert.equal(await answer, "none");
});

// The connection ends after the test.
const leaks = { sanitizeOps: false, sanitizeResources: false };
Deno.test("Listener.stop waits no longer than its time for a caller that never ends its body", leaks, async () => {
  const handler = () => Promise.resolve(new Response("late", { status: 408 }));
  const log = { error: assert.fail, info: assert.fail }, caller = new AbortController();
  const listener = listen({ hostname: "127.0.0.1", port: 0, variable: "PORT", handler, log });
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([32])) });
  const response = await fetch(listener.url, { method: "POST", body, signal: caller.signal });
  assert.equal(await response.text(), "late");
  await listener.stop(50);
  caller.abort();
});

Deno.test("listen answers a handler's error with 500 and logs it, and prints nothing itself", async () => {
  const logged: unknown[] = [];
  const listener = listen({
    hostname: "127.0.0.1",
    port: 0,
    variable: "PORT",
    handler: () => Promise.reject(new Error("why")),
    log: { ...log, error: (message, fields) => void logged.push(message, (fields as { error: Error }).error.message) },
  });
  const response = await fetch(listener.url);
  assert.deepEqual([response.status, (await response.json()).detail], [500, "the log says why"]);
  assert.deepEqual(logged, ["a request could not be answered", "why"]);
  await listener.stop(1_000);
});

Deno.test("listen logs a listener that ends without file descriptors, and opens it again", async () => {
  await using program = await startProgram(
    `
      import { listen } from ${JSON.stringify(import.meta.resolve("../../runtime/http/listen.ts"))};
      const log = { error: (text) => console.log(text), info: (text) => console.log(text) };
      const handler = () => new Response("answered");
      const listener = listen({ hostname: "127.0.0.1", port: 0, variable: "PORT", handler, log });
      console.log(listener.url);
    `,
    { fileDescriptors: 64 },
  );
  const url = new URL(await program.line()), connections: Deno.Conn[] = [];
  const connect = () => Deno.connect({ hostname: url.hostname, port: Number(url.port) });
  try {
    for (let i = 0; i < 100; i++) connections.push(await connect());
  } catch {
    // refused: the listener has ended
  }
  assert.equal(await program.line(), `no longer listening on ${url.host}: opening it again`);
  for (const connection of connections) connection.close();
  assert.equal(await program.line(), "listening again");
  assert.equal(await (await fetch(url)).text(), "answered");
});
