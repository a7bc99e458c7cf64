import assert from "node:assert/strict";
import { ReloadProxy } from "../../runtime/dev/reload_proxy.ts";
import { adminGuard } from "../../runtime/http/admin/guard.ts";

/** Starts a proxy. Targets respond with their own name and the request. */
function setup(holdMs?: number) {
  const proxy = new ReloadProxy("127.0.0.1", 0, holdMs);
  const servers: Deno.HttpServer<Deno.NetAddr>[] = [];
  const startTarget = (name: string, handler?: (request: Request) => Response | Promise<Response>) => {
    const respond = async (request: Request) => {
      const { pathname, search } = new URL(request.url);
      return Response.json({ name, method: request.method, path: pathname + search, body: await request.text() });
    };
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler ?? respond);
    servers.push(server);
    return { url: `http://127.0.0.1:${server.addr.port}`, server };
  };
  return {
    proxy,
    startTarget,
    request: async (path: string, init?: RequestInit) => {
      const response = await fetch(proxy.url + path, init);
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    [Symbol.asyncDispose]: async () => {
      await proxy.stop();
      for (const server of servers) await server.shutdown();
    },
  };
}

Deno.test("ReloadProxy forwards requests and responses unchanged", async () => {
  await using context = setup();
  const { url } = context.startTarget("a", async (request) =>
    new Response(await request.text(), {
      status: 418,
      headers: {
        "x-seen": `${request.method} ${request.headers.get("idempotency-key")} ${new URL(request.url).search}`,
      },
    }));
  await context.proxy.route(url);
  const { status, headers, text } = await context.request("/events?x=1", {
    method: "PUT",
    headers: { "idempotency-key": "k" },
    body: "a\u0000b",
  });
  assert.deepEqual([status, headers.get("x-seen"), text], [418, "PUT k ?x=1", "a\u0000b"]);
});

Deno.test("ReloadProxy forwards redirects, empty responses and compressed ones", async () => {
  await using context = setup();
  const page = "compressible ".repeat(1_000);
  const { url } = context.startTarget("a", (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/page") return new Response(page, { headers: { "content-type": "text/plain" } });
    if (pathname === "/empty") return new Response(null, { status: 204 });
    return new Response(null, { status: 302, headers: { location: "/elsewhere" } });
  });
  await context.proxy.route(url);
  assert.equal((await context.request("/page", { headers: { "accept-encoding": "gzip" } })).text, page);
  assert.equal((await context.request("/empty")).status, 204);
  const { status, headers } = await context.request("/old", { redirect: "manual" });
  assert.deepEqual([status, headers.get("location")], [302, "/elsewhere"]);
});

Deno.test("ReloadProxy asks for bodies that are not compressed, and says that other machines reach it only if they do", async () => {
  for (
    const [host, isAdmin, exposed] of [["127.0.0.1", true, null], ["0.0.0.0", true, "1"], ["0.0.0.0", false, null]]
  ) {
    const proxy = new ReloadProxy(host as string, 0, undefined, isAdmin ? () => undefined : undefined);
    const target = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
      return Response.json([headers.get("accept-encoding"), headers.get("x-weir-exposed")]);
    });
    await proxy.route(`http://127.0.0.1:${target.addr.port}`);
    const seen = await (await fetch(proxy.url.replace("0.0.0.0", "127.0.0.1"))).json();
    await proxy.stop();
    await target.shutdown();
    assert.deepEqual(seen, ["identity", exposed]);
  }
});

Deno.test("ReloadProxy beyond loopback without a key forwards nothing of the admin listener but the health and metrics", async () => {
  const guard = adminGuard({ key: undefined, host: "0.0.0.0", exposed: true });
  const proxy = new ReloadProxy("0.0.0.0", 0, undefined, guard), seen: string[] = [];
  const target = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    seen.push(new URL(url).pathname);
    return new Response("ok");
  });
  await proxy.route(`http://127.0.0.1:${target.addr.port}`);
  const url = proxy.url.replace("0.0.0.0", "127.0.0.1"), statuses: number[] = [];
  for (const path of ["/metrics", "/health", "/", "/functions", "/dead-letters"]) {
    const response = await fetch(url + path);
    await response.body?.cancel();
    statuses.push(response.status);
  }
  await proxy.stop();
  await target.shutdown();
  assert.deepEqual([statuses, seen], [[200, 200, 200, 401, 401], ["/metrics", "/health", "/"]]);
});

Deno.test("ReloadProxy holds a request until there is a target", async () => {
  await using context = setup();
  const response = context.request("/a", { method: "POST", body: "early" });
  const { url } = context.startTarget("first");
  await context.proxy.route(url);
  assert.deepEqual(JSON.parse((await response).text), { name: "first", method: "POST", path: "/a", body: "early" });
});

Deno.test("ReloadProxy responds 503 with the reason when there is no target", async () => {
  await using context = setup(10);
  await context.proxy.route(undefined, "functions/a.ts has an error");
  const { status, headers, text } = await context.request("/a");
  assert.deepEqual([status, headers.get("content-type")], [503, "application/problem+json"]);
  assert.match(text, /no functions are running: functions\/a\.ts has an error/);
});

Deno.test("ReloadProxy.route resolves once the previous target has answered its requests", async () => {
  await using context = setup();
  const began = Promise.withResolvers<void>(), finish = Promise.withResolvers<void>();
  const old = context.startTarget("old", async () => {
    began.resolve();
    await finish.promise;
    return new Response("old");
  });
  await context.proxy.route(old.url);
  const slow = context.request("/slow");
  await began.promise;
  let idle = false;
  const whenIdle = context.proxy.route(context.startTarget("new").url).then(() => idle = true);
  assert.match((await context.request("/next")).text, /"name":"new"/);
  assert.equal(idle, false);
  finish.resolve();
  assert.equal((await slow).text, "old");
  await whenIdle;
});

Deno.test("ReloadProxy.setBlocked answers requests with the reason, also those in flight, until the target is free", async () => {
  await using context = setup();
  const began = Promise.withResolvers<void>(), finish = Promise.withResolvers<void>();
  let blocked = true;
  const target = context.startTarget("target", async () => {
    began.resolve();
    if (blocked) await finish.promise;
    return new Response("target");
  });
  await context.proxy.route(target.url);
  const inFlight = context.request("/a", { method: "POST", body: "1" });
  await began.promise;
  context.proxy.setBlocked("ship computes");
  for (const { status, text, headers } of [await inFlight, await context.request("/b")]) {
    assert.deepEqual([status, headers.get("retry-after")], [503, "1"]);
    assert.match(text, /ship computes/);
  }
  finish.resolve();
  blocked = false;
  context.proxy.setBlocked(undefined);
  assert.equal((await context.request("/c")).text, "target");
});

Deno.test("ReloadProxy responds 502 when the target does not respond", async () => {
  await using context = setup();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await context.proxy.route(`http://127.0.0.1:${port}`);
  const { status, text } = await context.request("/a");
  assert.equal(status, 502);
  assert.match(text, /the runtime did not respond/);
});

Deno.test("ReloadProxy refuses a Host that is none, and foreign pages on the admin port", async () => {
  const proxy = new ReloadProxy("127.0.0.1", 0, 10, adminGuard({ key: undefined, host: "127.0.0.1", exposed: false }));
  const { hostname, port } = new URL(proxy.url);
  const statusOf = async (host: string, more = "") => {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode(`POST /x HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`));
    const answer = new Uint8Array(100);
    await connection.read(answer);
    return new TextDecoder().decode(answer).slice(9, 12);
  };
  assert.equal(await statusOf("["), "400");
  assert.equal(await statusOf("weir/health?"), "400");
  assert.equal(await statusOf("evil.example"), "403");
  assert.equal(await statusOf("127.0.0.1", "Origin: http://evil.example\r\n"), "403");
  assert.equal(await statusOf("127.0.0.1"), "503");
  await proxy.stop();
});
