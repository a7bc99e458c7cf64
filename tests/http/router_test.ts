import assert from "node:assert/strict";
import { Problem } from "../../runtime/http/problem.ts";
import { type Route, router } from "../../runtime/http/router.ts";
import { problemOf, request } from "../support/ingress.ts";

const text = (name: string): Route["handle"] => (_, parameters) =>
  new Response(`${name} ${JSON.stringify(parameters)}`);
const ROUTES: Route[] = [
  { method: "POST", path: "/items/special", template: "/items/{id}", handle: text("special") },
  { method: "POST", path: "/items/:id", handle: text("post") },
  { method: "GET", path: "/items/:id", handle: text("get") },
  { method: "GET", path: "/items", handle: text("list") },
  {
    method: "DELETE",
    path: "/items",
    handle: () => {
      throw new Error("why");
    },
  },
];

/** Sends a request and returns its response and what was metered. */
async function send(method: string, path: string) {
  const metered: string[] = [];
  const meter = {
    began: () => void metered.push("began"),
    ended: (...[method, route, status]: [string, string, number, number]) =>
      void metered.push(`${method} ${route} ${status}`),
  };
  const problemOf = (error: unknown) =>
    error instanceof Problem ? error : new Problem("internal", (error as Error).message);
  return { response: await request(router(ROUTES, { meter, problemOf }), path, { method }), metered };
}

for (
  const [method, path, body, route] of [
    ["GET", "/items", "list {}", "/items"],
    ["GET", "/items?limit=1", "list {}", "/items"],
    ["GET", "/items/a%20b", 'get {"id":"a b"}', "/items/{id}"],
    ["POST", "/items/7", 'post {"id":"7"}', "/items/{id}"],
    ["POST", "/items/:id", 'post {"id":":id"}', "/items/{id}"],
    ["POST", "/items/special", "special {}", "/items/{id}"],
    ["POST", "/items/%73pecial", "special {}", "/items/{id}"],
    ["HEAD", "/items", "", "/items"],
  ]
) {
  Deno.test(`router answers ${method} ${path}, and meters the template of its route`, async () => {
    const { response, metered } = await send(method, path);
    assert.deepEqual([response.status, await response.text()], [200, body]);
    assert.deepEqual(metered, ["began", `${method} ${route} 200`]);
  });
}

for (
  const [method, path, allow, metered] of [
    ["PUT", "/items", "GET, HEAD, DELETE", "PUT /items 405"],
    ["DELETE", "/items/7", "POST, GET, HEAD", "DELETE /items/{id} 405"],
    ["PUT", "/items/special", "POST", "PUT /items/{id} 405"],
    ["GET", "/items/special", "POST", "GET /items/{id} 405"],
    ["INVENTED", "/items", "GET, HEAD, DELETE", "_OTHER /items 405"],
  ]
) {
  Deno.test(`router answers ${method} ${path} with 405 and the methods that the path allows`, async () => {
    const sent = await send(method, path);
    assert.equal(sent.response.headers.get("allow"), allow);
    const { status, title } = await problemOf(sent.response);
    assert.deepEqual([status, title], [405, "Method Not Allowed"]);
    assert.deepEqual(sent.metered, ["began", metered]);
  });
}

Deno.test("router answers 404 on other paths, and meters them without a route", async () => {
  const { response, metered } = await send("GET", "/nowhere?x=1");
  assert.deepEqual(await problemOf(response), { status: 404, title: "Not Found", detail: "nothing is at /nowhere" });
  assert.deepEqual(metered, ["began", "GET  404"]);
});

Deno.test("router answers an error with its problem", async () => {
  const { response, metered } = await send("DELETE", "/items");
  assert.deepEqual(await problemOf(response), { status: 500, title: "Internal Server Error", detail: "why" });
  assert.deepEqual(metered, ["began", "DELETE /items 500"]);
});
