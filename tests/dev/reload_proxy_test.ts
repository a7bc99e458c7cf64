import assert from "node:assert/strict";
import { ReloadProxy } from "../../runtime/dev/reload_proxy.ts";

/** A front, and servers behind it that answer with their own name and what they were sent. */
function setup(patienceMs?: number) {
  const front = new ReloadProxy("127.0.0.1", 0, patienceMs);
  const servers: Deno.HttpServer<Deno.NetAddr>[] = [];
  const behind = (name: string, handler?: (request: Request) => Response | Promise<Response>) => {
    const answer = async (request: Request) => {
      const { pathname, search } = new URL(request.url);
      return Response.json({ name, method: request.method, path: pathname + search, body: await request.text() });
    };
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler ?? answer);
    servers.push(server);
    return { url: `http://127.0.0.1:${server.addr.port}`, server };
  };
  return {
    front,
    behind,
    ask: async (path: string, init?: RequestInit) => {
      const response = await fetch(front.url + path, init);
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    [Symbol.asyncDispose]: async () => {
      await front.stop();
      for (const server of servers) await server.shutdown();
    },
  };
}

Deno.test("a request goes to what is behind as it came, and so does the answer", async () => {
  await using world = setup();
  const { url } = world.behind("a", async (request) =>
    new Response(await request.text(), {
      status: 418,
      headers: {
        "x-seen": `${request.method} ${request.headers.get("idempotency-key")} ${new URL(request.url).search}`,
      },
    }));
  await world.front.to(url);
  const { status, headers, text } = await world.ask("/events?x=1", {
    method: "PUT",
    headers: { "idempotency-key": "k" },
    body: "a\u0000b",
  });
  assert.deepEqual([status, headers.get("x-seen"), text], [418, "PUT k ?x=1", "a\u0000b"]);
});

Deno.test("redirects, empty answers and compressed ones come through", async () => {
  await using world = setup();
  const page = "compressible ".repeat(1_000);
  const { url } = world.behind("a", (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/page") return new Response(page, { headers: { "content-type": "text/plain" } });
    if (pathname === "/empty") return new Response(null, { status: 204 });
    return new Response(null, { status: 302, headers: { location: "/elsewhere" } });
  });
  await world.front.to(url);
  assert.equal((await world.ask("/page", { headers: { "accept-encoding": "gzip" } })).text, page);
  assert.equal((await world.ask("/empty")).status, 204);
  const { status, headers } = await world.ask("/old", { redirect: "manual" });
  assert.deepEqual([status, headers.get("location")], [302, "/elsewhere"]);
});

Deno.test("a request that comes before anything runs is held, and answered by what comes to run", async () => {
  await using world = setup();
  const asked = world.ask("/a", { method: "POST", body: "early" });
  const { url } = world.behind("first");
  await world.front.to(url);
  assert.deepEqual(JSON.parse((await asked).text), { name: "first", method: "POST", path: "/a", body: "early" });
});

Deno.test("where nothing comes to run, the answer says why", async () => {
  await using world = setup(10);
  await world.front.to(undefined, "functions/a.ts has a mistake");
  const { status, headers, text } = await world.ask("/a");
  assert.deepEqual([status, headers.get("content-type")], [503, "application/problem+json"]);
  assert.match(text, /nothing runs: functions\/a\.ts has a mistake/);
});

Deno.test("what is under way when another takes over is answered by the one before, which is idle only then", async () => {
  await using world = setup();
  const began = Promise.withResolvers<void>(), finish = Promise.withResolvers<void>();
  const old = world.behind("old", async () => {
    began.resolve();
    await finish.promise;
    return new Response("old");
  });
  await world.front.to(old.url);
  const asked = world.ask("/slow");
  await began.promise;
  let idle = false;
  const whenIdle = world.front.to(world.behind("new").url).then(() => idle = true);
  assert.match((await world.ask("/next")).text, /"name":"new"/);
  assert.equal(idle, false);
  finish.resolve();
  assert.equal((await asked).text, "old");
  await whenIdle;
});

Deno.test("what dies while it answers is told as such", async () => {
  await using world = setup();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await world.front.to(`http://127.0.0.1:${port}`);
  const { status, text } = await world.ask("/a");
  assert.equal(status, 502);
  assert.match(text, /the runtime did not answer/);
});
